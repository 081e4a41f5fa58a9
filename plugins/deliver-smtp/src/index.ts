// Relays by SMTP: claims recipients for their next hop, and carries messages there.
// Not for: retries, back-off and concurrency, which are the core's; policies that others publish (MTA-STS, DANE).

import {
  Chance,
  Clock,
  type Delivery,
  definePlugin,
  Outcome,
  PosthouseError,
  Resolver,
  ServerIdentity,
} from '@posthouse/core';
import { Pool, type Targets, transfer } from '@posthouse/core/client';
import { type Config, ConfigSchema } from './config.ts';
import { type HostsServices, hostsOf } from './hosts.ts';
import { Logins } from './logins.ts';
import { parseNextHop, Routes } from './route.ts';
import { TlsPolicies, trustOf } from './tls-policies.ts';

export default definePlugin({
  name: 'deliver-smtp',
  config: ConfigSchema,
  needs: { resolver: Resolver, clock: Clock, chance: Chance, identity: ServerIdentity },
  setup({ config, resolver, clock, chance, identity, log }) {
    const [routes, policies] = configured(() => [new Routes(config), new TlsPolicies(config)] as const);
    const logins = configured(() => new Logins(config, policies));
    const trust = configured(() => trustOf(config));
    const settings = { ...config, helo: config.helo ?? identity.hostname, ...(trust && { trust }) };
    const pool = new Pool(settings, clock);
    const services = { settings, pool, log };
    const dns = { resolver, chance, identity };
    return {
      describe: () =>
        `mail for ${config.domains?.join(', ') ?? 'elsewhere'} is relayed by ${config.smarthost ?? 'MX'}`,
      hooks: {
        'on-deliver': {
          claim: ({ domain }) => routes.destinationOf(domain),
          deliver: (delivery) =>
            transfer(delivery, services, () => targetsOf(delivery, config, { policies, logins }, dns)),
        },
      },
      start: () => pool.start(),
      stop: () => pool.stop(),
    };
  },
});

async function targetsOf(
  { destination, signal }: Delivery,
  config: Config,
  { policies, logins }: { readonly policies: TlsPolicies; readonly logins: Logins },
  dns: HostsServices,
): Promise<Targets> {
  const hop = parseNextHop(destination, config.port);
  if (hop === undefined) return { outcome: Outcome.failed('5.4.4', `not a next hop: ${destination}`) };
  const found = policies.applyTo(await hostsOf(hop, config, dns, signal), hop);
  const login = logins.find(destination);
  if (login === undefined || 'outcome' in found) return found;
  return { targets: found.targets.map((target) => ({ ...target, login })) };
}

function configured<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new PosthouseError('config-invalid', `deliver-smtp: ${(error as Error).message}`, { cause: error });
  }
}
