// What is asked of the TLS to a next hop, and which names its certificate may be for.

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { type Targets, type TlsMode, type TlsTrust, trustIn } from '@posthouse/core/client';
import type { Config } from './config.ts';
import { DomainTable, type NextHop } from './route.ts';

type TlsConfig = Pick<Config, 'tls' | 'tlsPolicies' | 'caFile'>;

export class TlsPolicies {
  readonly #default: TlsMode;
  readonly #table: DomainTable<TlsMode>;

  /** Throws a TypeError that names what is wrong. */
  constructor({ tls, tlsPolicies }: Pick<TlsConfig, 'tls' | 'tlsPolicies'>) {
    this.#default = tls;
    this.#table = new DomainTable(Object.entries(tlsPolicies));
  }

  policyOf(hop: NextHop): TlsMode {
    return this.#table.find(hop.kind === 'domain' ? hop.domain : literal(hop.host)) ?? this.#default;
  }

  /**
   * A host that the operator has named is held to that name. A host found by MX may show its own name or the domain's:
   * RFC 7817 §4 would have the name that the user typed, but few hosts of many domains can show it; RFC 8461 §4.1 has the MX name.
   */
  applyTo(found: Targets, hop: NextHop): Targets {
    if ('outcome' in found) return found;
    const tls = this.policyOf(hop);
    return {
      targets: found.targets.map((target) => ({
        ...target,
        tls,
        names: hop.kind === 'host' || target.host === hop.domain ? [target.host] : [target.host, hop.domain],
      })),
    };
  }
}

/** The CAs, where any next hop is verified. Throws a TypeError that names what is wrong. */
export function trustOf({ tls, tlsPolicies, caFile }: TlsConfig): TlsTrust | undefined {
  const verifies = tls === 'verify' || Object.values(tlsPolicies).includes('verify');
  if (!verifies && caFile !== undefined)
    throw new TypeError('`caFile` is of no use: neither `tls` nor `tlsPolicies` says `verify`');
  if (!verifies) return undefined;
  if (caFile === undefined) return trustIn(undefined);
  try {
    return trustIn(readFileSync(caFile, 'utf8'));
  } catch (error) {
    throw new TypeError(`caFile: ${caFile}: ${(error as Error).message}`);
  }
}

function literal(host: string): string {
  const version = isIP(host);
  return version === 0 ? host : version === 4 ? `[${host}]` : `[IPv6:${host}]`;
}
