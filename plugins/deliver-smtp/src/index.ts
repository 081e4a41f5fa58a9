// Relays by SMTP: claims recipients for their next hop, and carries messages there.
// Not for: retries, back-off and concurrency, which are the core's.

import {
  Chance,
  Clock,
  definePlugin,
  EventSink,
  PosthouseError,
  Resolver,
  ServerIdentity,
} from '@posthouse/core';
import { Pool } from '@posthouse/core/client';
import { Carrier } from './carrier.ts';
import { ConfigSchema } from './config.ts';
import { secureResolver } from './dns/configured.ts';
import { plainLookups } from './dns/lookups.ts';
import { Logins } from './logins.ts';
import { mtaStsPolicies } from './mta-sts/configured.ts';
import { formatNextHop, parseNextHop, Routes } from './route.ts';
import { Sources, strangers } from './sources.ts';
import { TargetFinder } from './target-finder.ts';
import { tellOfTls } from './tls-events.ts';
import { TlsPolicies } from './tls-policies.ts';
import { tlsInWords } from './tls-words.ts';
import { trustOf } from './trust.ts';

export default definePlugin({
  name: 'deliver-smtp',
  config: ConfigSchema,
  needs: { resolver: Resolver, clock: Clock, chance: Chance, identity: ServerIdentity, events: EventSink },
  setup({ config, resolver, clock, chance, identity, events, log }) {
    const { routes, finder, tables, trust, sts } = configured(() => {
      const secure = secureResolver(config, clock);
      const trust = trustOf(config);
      const sts = mtaStsPolicies(config, trust, { resolver, clock, log });
      const policies = new TlsPolicies(config, { dns: secure, sts });
      const tables = { policies, sources: new Sources(config), logins: new Logins(config, policies) };
      const world = { dns: plainLookups(resolver), secure, chance, identity };
      return {
        routes: new Routes(config),
        finder: new TargetFinder(config, tables, world),
        tables,
        trust,
        sts,
      };
    });
    // Every target says itself what is asked of its TLS.
    const settings = {
      ...config,
      tls: 'may' as const,
      helo: config.helo ?? identity.hostname,
      trust,
    };
    const pool = new Pool(settings, clock);
    const carrier = new Carrier({ settings, pool, log, opened: tellOfTls(events) }, finder, tables.policies);
    return {
      describe: () =>
        `mail for ${config.domains?.join(', ') ?? 'elsewhere'} is relayed by ${config.smarthost ?? 'MX'}${config.fallback ? `, else by ${config.fallback}` : ''}, ${tlsInWords(config)}`,
      hooks: {
        'on-deliver': {
          claim: ({ domain }) => routes.destinationOf(domain),
          readDestination(words) {
            const hop = parseNextHop(words, config.port);
            return hop && formatNextHop(hop);
          },
          deliver: (delivery) => carrier.deliver(delivery),
        },
      },
      async start() {
        for (const address of strangers(tables.sources.addresses))
          log.warn({ address }, 'a source address is none of this machine');
        await sts?.start();
        pool.start();
      },
      // To claim takes no connection and no policy.
      rehearse() {},
      async stop() {
        await pool.stop();
        await sts?.stop();
      },
    };
  },
});

function configured<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new PosthouseError('config-invalid', `deliver-smtp: ${(error as Error).message}`, { cause: error });
  }
}
