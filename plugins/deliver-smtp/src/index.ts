// Relays by SMTP: claims recipients for their next hop, and carries messages there.
// Not for: retries, back-off and concurrency, which are the core's; verified TLS (MTA-STS, DANE); AUTH.

import { Chance, Clock, definePlugin, PosthouseError, Resolver, ServerIdentity } from '@posthouse/core';
import { attempt } from './attempt.ts';
import { ConfigSchema } from './config.ts';
import { Pool } from './pool.ts';
import { Routes } from './route.ts';

export default definePlugin({
  name: 'deliver-smtp',
  config: ConfigSchema,
  needs: { resolver: Resolver, clock: Clock, chance: Chance, identity: ServerIdentity },
  setup({ config, resolver, clock, chance, identity, log }) {
    const settings = { ...config, helo: config.helo ?? identity.hostname };
    const routes = routesOf(config);
    const pool = new Pool(settings, clock);
    const services = { settings, resolver, clock, chance, identity, log, pool };
    return {
      describe: () =>
        `mail for ${config.domains?.join(', ') ?? 'elsewhere'} is relayed by ${config.smarthost ?? 'MX'}`,
      hooks: {
        'on-deliver': {
          claim: ({ domain }) => routes.destinationOf(domain),
          deliver: (delivery) => attempt(delivery, services),
        },
      },
      start: () => pool.start(),
      stop: () => pool.stop(),
    };
  },
});

function routesOf(config: ConstructorParameters<typeof Routes>[0]): Routes {
  try {
    return new Routes(config);
  } catch (error) {
    throw new PosthouseError('config-invalid', `deliver-smtp: ${(error as Error).message}`, { cause: error });
  }
}
