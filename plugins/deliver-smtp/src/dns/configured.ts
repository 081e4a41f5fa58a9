// The validating resolvers, as the configuration has them.

import type { Clock } from '@posthouse/core';
import type { Config } from '../config.ts';
import { isLoopback, parseServer, SecureResolver } from './secure-resolver.ts';

/** Throws a TypeError that names what is wrong. */
export function secureResolver({ dnssec }: Pick<Config, 'dnssec'>, clock: Clock): SecureResolver | undefined {
  if (dnssec === undefined) return undefined;
  const servers = dnssec.resolvers.map((text) => {
    const server = parseServer(text);
    if (server === undefined)
      throw new TypeError(`dnssec.resolvers: not an address: ${JSON.stringify(text)}`);
    // RFC 4035 §4.9.3, RFC 7672 §2.1: whoever is on the way can set the bit.
    if (!isLoopback(server) && dnssec.trustNetwork !== true) {
      throw new TypeError(
        `dnssec.resolvers: ${text} is not on this machine: its word can be forged on the way; run one here, or say \`trustNetwork: true\``,
      );
    }
    return server;
  });
  return new SecureResolver({ servers, timeout: dnssec.timeout }, clock);
}
