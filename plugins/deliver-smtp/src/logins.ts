// Who we are to the hosts that the configuration names: a login goes to that host and port and to no other.

import { type HopLogin, hopLogin } from '@posthouse/core/client';
import type { Config } from './config.ts';
import { formatNextHop, parseNextHop } from './route.ts';
import type { TlsLevel, TlsPolicies } from './tls-policies.ts';

type LoginConfig = Pick<Config, 'auth' | 'smarthost' | 'fallback' | 'routes' | 'port'>;

const NEVER_IN_CLEAR: ReadonlySet<TlsLevel> = new Set(['encrypt', 'verify', 'dane-only']);

export class Logins {
  readonly #logins = new Map<string, HopLogin>();

  /** Throws a TypeError that names what is wrong. */
  constructor({ auth, smarthost, fallback, routes, port }: LoginConfig, policies: TlsPolicies) {
    const used = new Set(
      [smarthost, fallback, ...Object.values(routes)].map((hop) => hop && destinationOf(hop, port)),
    );
    for (const [key, credentials] of Object.entries(auth)) {
      const where = `auth: ${JSON.stringify(key)}`;
      const hop = parseNextHop(key, port);
      // MX hosts are whoever DNS says.
      if (hop?.kind !== 'host') throw new TypeError(`${where} is not a host: write "[host]" or "host:port"`);
      const destination = formatNextHop(hop);
      if (!used.has(destination))
        throw new TypeError(`${where} is neither the smarthost, nor the fallback, nor a route`);
      if ((credentials.password === undefined) === (credentials.token === undefined))
        throw new TypeError(`${where} needs either a password or a token`);
      // They part the words of PLAIN (RFC 4616 §2) and XOAUTH2.
      const words = `${credentials.user}${credentials.password ?? ''}${credentials.token ?? ''}`;
      if (words.includes('\0') || words.includes('\x01'))
        throw new TypeError(`${where} has a control character in its user, password or token`);
      const policy = policies.levelOf(hop);
      if (!credentials.authWithoutTls && !NEVER_IN_CLEAR.has(policy)) {
        throw new TypeError(
          `${where} needs TLS, and its policy is \`${policy}\`: say \`verify\` or \`encrypt\` in \`tlsPolicies\`, or \`authWithoutTls: true\``,
        );
      }
      this.#logins.set(destination, hopLogin(credentials));
    }
  }

  /** Of a destination of the queue. */
  find(destination: string): HopLogin | undefined {
    return this.#logins.get(destination);
  }
}

function destinationOf(text: string, port: number): string | undefined {
  const hop = parseNextHop(text, port);
  return hop && formatNextHop(hop);
}
