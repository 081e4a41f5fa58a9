// From the destination of a delivery to the targets to try: their addresses, what is asked of their TLS, and who we are
// to them.

import { type Chance, type Delivery, Outcome, type ServerIdentity } from '@posthouse/core';
import type { Targets } from '@posthouse/core/client';
import type { Config } from './config.ts';
import { type HostLookups, secureLookups } from './dns/lookups.ts';
import type { SecureLookups } from './dns/secure-resolver.ts';
import { hostsOf } from './hosts.ts';
import type { Logins } from './logins.ts';
import { parseNextHop } from './route.ts';
import type { TlsPolicies } from './tls-policies.ts';
import type { MessageWish } from './tls-wishes.ts';

export interface FinderServices {
  readonly dns: HostLookups;
  readonly secure: SecureLookups | undefined;
  readonly chance: Chance;
  readonly identity: ServerIdentity;
}

export class TargetFinder {
  readonly #config: Pick<Config, 'port' | 'addressFamily'>;
  readonly #policies: TlsPolicies;
  readonly #logins: Logins;
  readonly #services: FinderServices;
  readonly #secureDns: HostLookups | undefined;

  constructor(
    config: Pick<Config, 'port' | 'addressFamily'>,
    policies: TlsPolicies,
    logins: Logins,
    services: FinderServices,
  ) {
    this.#config = config;
    this.#policies = policies;
    this.#logins = logins;
    this.#services = services;
    this.#secureDns = services.secure && secureLookups(services.secure);
  }

  async find(
    { destination, signal }: Pick<Delivery, 'destination' | 'signal'>,
    wish?: MessageWish,
  ): Promise<Targets> {
    const hop = parseNextHop(destination, this.#config.port);
    if (hop === undefined) return { outcome: Outcome.failed('5.4.4', `not a next hop: ${destination}`) };
    const secure = this.#policies.needsSecureDns(hop, wish) ? this.#secureDns : undefined;
    const services = { ...this.#services, dns: secure ?? this.#services.dns };
    const hosts = await hostsOf(hop, this.#config, services, signal);
    const found = await this.#policies.applyTo(hosts, hop, signal, wish);
    const login = this.#logins.find(destination);
    if (login === undefined || 'outcome' in found) return found;
    return { targets: found.targets.map((target) => ({ ...target, login })) };
  }
}
