// How the clients of one connection may authenticate: the listener's say, and what the connection's TLS allows.

import { scramHash, scramHmac, scramNonce } from '../authentication/index.ts';
import type { Limits } from '../contract/index.ts';
import type { AuthOptions, SaslMechanism } from '../smtp/index.ts';

/** AUTH on a listener. */
export interface ListenerAuth {
  readonly required: boolean;
  readonly withoutTls: boolean;
  /** What may be used now. */
  mechanisms(): readonly SaslMechanism[];
}

/** @param binding the data of a type of channel binding, on the connection as it is when asked */
export function authOptions(
  { required, withoutTls, mechanisms }: ListenerAuth,
  limits: Limits,
  binding: (type: string) => Uint8Array | undefined,
): AuthOptions {
  return {
    required,
    withoutTls,
    line: limits.authLine,
    failures: limits.authFailures,
    mechanisms: () => {
      const able = mechanisms();
      if (!able.includes('SCRAM-SHA-256-PLUS')) return able;
      const bound = binding('tls-exporter') ?? binding('tls-server-end-point');
      return bound === undefined ? able.filter((name) => name !== 'SCRAM-SHA-256-PLUS') : able;
    },
    scram: { hmac: scramHmac, hash: scramHash, nonce: scramNonce, channelBinding: binding },
  };
}
