// Who we are to a next hop that wants to know (RFC 4954): the strongest mechanism that it offers and we can, and only
// where nobody listens. A login is a function, so that no log, trace or error can show what it knows.

import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import {
  CLIENT_MECHANISMS,
  type ClientMechanism,
  loginClient,
  plainClient,
  type SaslClient,
  ScramClient,
  type ScramClientTools,
  xoauth2Client,
} from '../smtp/index.ts';

export interface Credentials {
  readonly user: string;
  /** For SCRAM-SHA-256, PLAIN and LOGIN. */
  readonly password?: string;
  /** For XOAUTH2. */
  readonly token?: string;
  /** What the hop offers in clear is taken as well. */
  readonly authWithoutTls?: boolean;
}

/** The exchange to begin; or, in words, why there is none. */
export type HopLogin = (offered: readonly string[], secure: boolean) => SaslClient | string;

export function hopLogin(credentials: Credentials): HopLogin {
  const { user, password, token, authWithoutTls } = credentials;
  const tools = scramTools();
  const makers: Partial<Record<ClientMechanism, () => SaslClient>> = {
    ...(token !== undefined && { XOAUTH2: () => xoauth2Client(user, token) }),
    ...(password !== undefined && {
      'SCRAM-SHA-256': () => new ScramClient(user, password, tools),
      PLAIN: () => plainClient(user, password),
      LOGIN: () => loginClient(user, password),
    }),
  };
  return (offered, secure) => {
    if (!secure && !authWithoutTls) return 'we do not log in without TLS';
    for (const mechanism of CLIENT_MECHANISMS) {
      const make = makers[mechanism];
      if (make !== undefined && offered.includes(mechanism)) return make();
    }
    return `we cannot log in: ${offered.length === 0 ? 'AUTH is not offered' : 'no mechanism is offered that we can use'}`;
  };
}

/** The salted password is kept while salt and count stay the same, as RFC 5802 §5.1 allows. */
function scramTools(): ScramClientTools {
  let kept: { readonly key: string; readonly salted: Uint8Array } | undefined;
  return {
    hmac: (key, data) => createHmac('sha256', key).update(data).digest(),
    hash: (data) => createHash('sha256').update(data).digest(),
    hi(password, salt, iterations) {
      const key = `${iterations} ${Buffer.from(salt).toString('base64')}`;
      if (kept?.key !== key) {
        // RFC 5802 §2.2 wants SASLprep: for what people type it is NFKC.
        kept = { key, salted: pbkdf2Sync(password.normalize('NFKC'), salt, iterations, 32, 'sha256') };
      }
      return kept.salted;
    },
    nonce: () => randomBytes(18).toString('base64'),
  };
}
