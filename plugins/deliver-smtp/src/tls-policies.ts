// What is asked of the TLS to a next hop: by the operator, and where he says so by what the other side publishes.

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { type Target, type Targets, type TlsTrust, trustIn } from '@posthouse/core/client';
import type { Config } from './config.ts';
import { underDane, underDaneOnly, unfit } from './dane.ts';
import type { SecureLookups } from './dns/secure-resolver.ts';
import type { Hosts, HostTarget } from './hosts.ts';
import { DomainTable, type NextHop } from './route.ts';

type TlsConfig = Pick<Config, 'tls' | 'tlsPolicies' | 'caFile'>;
export type TlsLevel = Config['tls'];

export class TlsPolicies {
  readonly #default: TlsLevel;
  readonly #table: DomainTable<TlsLevel>;
  readonly #dns: SecureLookups | undefined;

  /**
   * Throws a TypeError that names what is wrong.
   * @param dns required where a policy asks for DANE
   */
  constructor({ tls, tlsPolicies }: Pick<TlsConfig, 'tls' | 'tlsPolicies'>, dns?: SecureLookups) {
    this.#default = tls;
    this.#table = new DomainTable(Object.entries(tlsPolicies));
    this.#dns = dns;
    if (dns === undefined && levelsOf({ tls, tlsPolicies }).some(isDane))
      throw new TypeError('DANE needs validating resolvers: name them in `dnssec.resolvers`');
  }

  levelOf(hop: NextHop): TlsLevel {
    return this.#table.find(hop.kind === 'domain' ? hop.domain : literal(hop.host)) ?? this.#default;
  }

  /** Whether the hosts must be looked up where it can be told what is secure. */
  needsSecureDns(hop: NextHop): boolean {
    return isDane(this.levelOf(hop));
  }

  /** The hosts with what is asked of each. */
  async applyTo(found: Hosts, hop: NextHop, signal: AbortSignal): Promise<Targets> {
    if ('outcome' in found) return found;
    const level = this.levelOf(hop);
    if (level !== 'dane' && level !== 'dane-only') {
      return {
        targets: found.hosts.map(({ target }) => ({ ...target, tls: level, names: namesOf(target, hop) })),
      };
    }
    const { secure, canonical } = found;
    const domain = hop.kind === 'domain' ? hop.domain : undefined;
    if (!secure) {
      return {
        targets: found.hosts.map(({ target }) =>
          level === 'dane'
            ? { ...target, tls: 'may' }
            : unfit(target, `DANE is required by us: the MX records of ${domain} are not secured by DNSSEC`),
        ),
      };
    }
    const context = {
      dns: this.#dns as SecureLookups,
      names: [domain, canonical].filter((name) => name !== undefined),
      signal,
    };
    return {
      targets: await eachHost(found.hosts, async (host) =>
        level === 'dane-only'
          ? underDaneOnly(host, context)
          : ((await underDane(host, context)) ?? { ...host.target, tls: 'may' }),
      ),
    };
  }
}

/** Asks once for each host, and gives the answer to all its addresses. */
async function eachHost(
  hosts: readonly HostTarget[],
  ask: (host: HostTarget) => Promise<Target>,
): Promise<readonly Target[]> {
  const asked = new Map<string, Promise<Target>>();
  for (const host of hosts) {
    if (!asked.has(host.target.host)) asked.set(host.target.host, ask(host));
  }
  return Promise.all(
    hosts.map(async ({ target: { host, address, port } }) => ({
      ...((await asked.get(host)) as Target),
      address,
      port,
    })),
  );
}

/**
 * What a certificate may be for, with `verify`. A host that the operator has named is held to that name. A host found by
 * MX may show its own name or the domain's: RFC 7817 §4 would have the name that the user typed, but few hosts of many
 * domains can show it; RFC 8461 §4.1 has the MX name.
 */
function namesOf({ host }: Target, hop: NextHop): readonly string[] {
  return hop.kind === 'host' || host === hop.domain ? [host] : [host, hop.domain];
}

export function levelsOf({ tls, tlsPolicies }: Pick<TlsConfig, 'tls' | 'tlsPolicies'>): readonly TlsLevel[] {
  return [tls, ...Object.values(tlsPolicies)];
}

export function isDane(level: TlsLevel): boolean {
  return level === 'dane' || level === 'dane-only';
}

/** The CAs, where any next hop is verified. Throws a TypeError that names what is wrong. */
export function trustOf(config: TlsConfig): TlsTrust | undefined {
  const { caFile } = config;
  const verifies = levelsOf(config).includes('verify');
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
