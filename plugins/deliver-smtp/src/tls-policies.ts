// What is asked of the TLS to a next hop: by the operator, and where he says so by what the other side publishes.

import type { Target, Targets } from '@posthouse/core/client';
import type { Config } from './config.ts';
import { underDane, underDaneOnly, unfit } from './dane.ts';
import type { SecureLookups } from './dns/secure-resolver.ts';
import type { Hosts, HostTarget } from './hosts.ts';
import type { MtaStsPolicies } from './mta-sts/policies.ts';
import { allowsHost } from './mta-sts/policy.ts';
import { stsWish, type TlsWish } from './mta-sts/wish.ts';
import { DomainTable, type NextHop, tableKey } from './route.ts';
import type { MessageWish } from './tls-wishes.ts';

type TlsConfig = Pick<Config, 'tls' | 'tlsPolicies'>;
export type TlsLevel = Config['tls'];

/** Where the policies of others are found. */
export interface PolicySources {
  /** Required where a policy asks for DANE. */
  readonly dns?: SecureLookups | undefined;
  /** Required where a policy asks for MTA-STS. */
  readonly sts?: Pick<MtaStsPolicies, 'of'> | undefined;
}

type FoundHosts = Extract<Hosts, { hosts: unknown }>;

export class TlsPolicies {
  readonly #default: TlsLevel;
  readonly #table: DomainTable<TlsLevel>;
  readonly #sources: PolicySources;
  /** Whether any level goes by what others publish. */
  readonly goesByPublished: boolean;

  /** Throws a TypeError that names what is wrong. */
  constructor(config: TlsConfig, sources: PolicySources = {}) {
    this.#default = config.tls;
    this.#table = new DomainTable(Object.entries(config.tlsPolicies));
    this.#sources = sources;
    this.goesByPublished = levelsOf(config).some(isPublished);
    if (sources.dns === undefined && levelsOf(config).some(asksDane))
      throw new TypeError('DANE needs validating resolvers: name them in `dnssec.resolvers`');
    if (sources.sts === undefined && levelsOf(config).some(asksSts))
      throw new TypeError('MTA-STS needs a folder for the policies: name it in `mtaSts.path`');
  }

  levelOf(hop: NextHop): TlsLevel {
    return this.#table.find(tableKey(hop)) ?? this.#default;
  }

  /** Whether the hosts must be looked up where it can be told what is secure. */
  needsSecureDns(hop: NextHop, wish: MessageWish | undefined): boolean {
    return wish === 'required' || asksDane(this.levelOf(hop));
  }

  /** The hosts with what is asked of each. */
  async applyTo(found: Hosts, hop: NextHop, signal: AbortSignal, wish?: MessageWish): Promise<Targets> {
    if ('outcome' in found) return found;
    const targets = await this.#targetsOf(found, hop, signal, wish);
    if (hop.kind === 'host') return { targets };
    return { targets: targets.map((target) => ({ ...target, domain: hop.domain })) };
  }

  async #targetsOf(
    found: FoundHosts,
    hop: NextHop,
    signal: AbortSignal,
    wish: MessageWish | undefined,
  ): Promise<readonly Target[]> {
    if (wish === 'required') return this.#required(found, hop, signal);
    // RFC 8689 §4.2.2: it overrides what the other side publishes, and no word of the operator.
    const own = this.levelOf(hop);
    const level = wish === 'not-required' && isPublished(own) ? 'may' : own;
    const daneOf = asksDane(level) ? this.#daneOf(found, hop, level, signal) : undefined;
    const fallback = asksSts(level) ? await this.#stsWish(hop, signal) : plainWish(level, hop);
    // RFC 8461 §2: where a host has DANE, MTA-STS has nothing to say about it.
    return eachHost(found.hosts, async (host) => (await daneOf?.(host)) ?? fallback(host.target));
  }

  /**
   * RFC 8689 §4.2.1: it must be certain that these are the domain's hosts, by DNSSEC or by MTA-STS, or by the operator's
   * word; and each has to show its own name, or what its TLSA records ask for.
   */
  async #required(found: FoundHosts, hop: NextHop, signal: AbortSignal): Promise<readonly Target[]> {
    const daneOf = this.#sources.dns && this.#daneOf(found, hop, 'dane', signal);
    const policy =
      found.secure || hop.kind === 'host'
        ? undefined
        : (await this.#sources.sts?.of(hop.domain, signal))?.policy;
    return eachHost(found.hosts, async (host) => {
      const { target } = host;
      const dane = await daneOf?.(host);
      if (dane !== undefined && dane.tls !== 'encrypt') return dane;
      const isListed = policy !== undefined && policy.mode !== 'none' && allowsHost(policy, target.host);
      if (found.secure || isListed)
        return { ...target, tls: 'verify', names: [target.host], policy: 'requiretls' };
      const text = 'neither DNSSEC nor MTA-STS shows that it is a mail host of the domain';
      return unfit(target, 'validation-failure', text, 'requiretls');
    });
  }

  #daneOf(
    { secure, canonical }: FoundHosts,
    hop: NextHop,
    level: TlsLevel,
    signal: AbortSignal,
  ): ((host: HostTarget) => Promise<Target | undefined>) | undefined {
    const domain = hop.kind === 'domain' ? hop.domain : undefined;
    if (!secure) {
      if (level !== 'dane-only') return undefined;
      const text = `DANE is required by us: the MX records of ${domain} are not secured by DNSSEC`;
      return async ({ target }) => unfit(target, 'dane-required', text);
    }
    const names = [domain, canonical].filter((name) => name !== undefined);
    const context = { dns: this.#sources.dns as SecureLookups, names, signal };
    return level === 'dane-only'
      ? (host) => underDaneOnly(host, context)
      : (host) => underDane(host, context);
  }

  /** §3: a domain has a policy; a host that the operator names is none. */
  async #stsWish(hop: NextHop, signal: AbortSignal): Promise<TlsWish> {
    const { sts } = this.#sources;
    if (hop.kind === 'host' || sts === undefined) return plainWish('may', hop);
    return stsWish(hop.domain, await sts.of(hop.domain, signal));
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

/** What the operator alone decides. */
function plainWish(level: TlsLevel, hop: NextHop): TlsWish {
  const tls = level === 'none' || level === 'encrypt' || level === 'verify' ? level : 'may';
  return (target) => ({ ...target, tls, names: namesOf(target, hop) });
}

/**
 * What a certificate may be for, with `verify`. A host that the operator has named is held to that name. A host found by
 * MX may show its own name or the domain's: RFC 7817 §4 would have the name that the user typed, but few hosts of many
 * domains can show it; RFC 8461 §4.1 has the MX name.
 */
function namesOf({ host }: Target, hop: NextHop): readonly string[] {
  return hop.kind === 'host' || host === hop.domain ? [host] : [host, hop.domain];
}

export function levelsOf({ tls, tlsPolicies }: TlsConfig): readonly TlsLevel[] {
  return [tls, ...Object.values(tlsPolicies)];
}

export function asksDane(level: TlsLevel): boolean {
  return level === 'dane' || level === 'dane-only' || level === 'published';
}

/** Whether it is by what the other side publishes that more than `may` is asked for. */
export function isPublished(level: TlsLevel): boolean {
  return level === 'dane' || asksSts(level);
}

export function asksSts(level: TlsLevel): boolean {
  return level === 'mta-sts' || level === 'published';
}
