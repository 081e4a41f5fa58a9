// From the destination of a delivery to the targets to try: their addresses, what is asked of their TLS, and who we are
// to them.

import { type Chance, type Delivery, Outcome, type ServerIdentity } from '@posthouse/core';
import type { Targets } from '@posthouse/core/client';
import type { Config } from './config.ts';
import { type HostLookups, secureLookups } from './dns/lookups.ts';
import type { SecureLookups } from './dns/secure-resolver.ts';
import { type HostTarget, hostsOf } from './hosts.ts';
import type { Logins } from './logins.ts';
import { formatNextHop, type NextHop, parseNextHop } from './route.ts';
import type { Sources } from './sources.ts';
import type { TlsPolicies } from './tls-policies.ts';
import { keptAsFor, type MessageWish } from './tls-wishes.ts';

export interface FinderServices {
  readonly dns: HostLookups;
  readonly secure: SecureLookups | undefined;
  readonly chance: Chance;
  readonly identity: ServerIdentity;
}

/** The core does not look at it: nobody was asked. */
const NO_ROOM = Outcome.deferred('4.4.5', 'too many deliveries to these mail hosts at a time');

type FinderConfig = Pick<Config, 'port' | 'addressFamily' | 'fallback'>;

/** What is known of every next hop from the configuration. */
export interface HopTables {
  readonly policies: TlsPolicies;
  readonly sources: Sources;
  readonly logins: Logins;
}

export class TargetFinder {
  readonly #config: FinderConfig;
  readonly #tables: HopTables;
  readonly #services: FinderServices;
  readonly #secureDns: HostLookups | undefined;
  readonly #fallback: NextHop | undefined;

  /** Throws a TypeError that names what is wrong. */
  constructor(config: FinderConfig, tables: HopTables, services: FinderServices) {
    this.#config = config;
    this.#tables = tables;
    this.#services = services;
    this.#secureDns = services.secure && secureLookups(services.secure);
    if (config.fallback === undefined) return;
    this.#fallback = parseNextHop(config.fallback, config.port);
    if (this.#fallback === undefined)
      throw new TypeError(`fallback: not a next hop: ${JSON.stringify(config.fallback)}`);
  }

  async find(
    delivery: Pick<Delivery, 'destination' | 'signal' | 'through' | 'shared'>,
    wish?: MessageWish,
  ): Promise<Targets> {
    const { destination, signal } = delivery;
    const hop = parseNextHop(destination, this.#config.port);
    if (hop === undefined) return { outcome: Outcome.failed('5.4.4', `not a next hop: ${destination}`) };
    const found = await this.#targetsOf(hop, signal, wish, delivery);
    const fallback = this.#fallback;
    // Where there is no room, the mail waits for it: the fallback is for hosts that cannot be reached.
    if (fallback === undefined || ('outcome' in found && found.outcome === NO_ROOM)) return found;
    const there = formatNextHop(fallback);
    if (there === destination) return found;
    const keptAs = wish === undefined ? there : keptAsFor(there, wish);
    return { ...found, fallback: { keptAs, find: () => this.#targetsOf(fallback, signal, wish) } };
  }

  /** @param delivery where it is to count among those that its hosts take at a time */
  async #targetsOf(
    hop: NextHop,
    signal: AbortSignal,
    wish: MessageWish | undefined,
    delivery?: Pick<Delivery, 'through' | 'shared'>,
  ): Promise<Targets> {
    const { policies, sources, logins } = this.#tables;
    const secure = policies.needsSecureDns(hop, wish) ? this.#secureDns : undefined;
    const services = { ...this.#services, dns: secure ?? this.#services.dns };
    const hosts = await hostsOf(hop, this.#config, services, signal);
    // Domains with the same mail hosts share the limits of these hosts.
    if (hop.kind === 'domain' && 'hosts' in hosts && delivery?.through(namesOf(hosts.hosts)) === false)
      return { outcome: NO_ROOM };
    const found = sources.applyTo(await policies.applyTo(hosts, hop, signal, wish), hop);
    if ('outcome' in found) return found;
    const login = logins.find(formatNextHop(hop));
    if (login !== undefined) return { targets: found.targets.map((target) => ({ ...target, login })) };
    const shared = hop.kind === 'domain' ? delivery?.shared : undefined;
    return shared === undefined ? found : { ...found, shared };
  }
}

/** Each once, the best first. */
function namesOf(hosts: readonly HostTarget[]): readonly string[] {
  return [...new Set(hosts.map(({ target }) => target.host))];
}
