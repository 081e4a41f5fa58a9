// Refuses recipients that nobody here knows, and asks whoever does: a file, a database, a directory, a web service, the
// next hop. Not for: opening the house for whole domains (accept-domains), other names of a mailbox (route-aliases).

import {
  Clock,
  definePlugin,
  type HookTable,
  PosthouseError,
  type RcptAsked,
  Resolver,
  ServerIdentity,
  Verdict,
} from '@posthouse/core';
import { ClaimedDomains, withoutDetail } from '@posthouse/core/client';
import { type Config, ConfigSchema } from './config.ts';
import { Lookup } from './lookup.ts';
import type { Address, Known, Source } from './source.ts';
import { fileSource } from './sources/file.ts';
import { httpSource } from './sources/http.ts';
import { ldapSource } from './sources/ldap.ts';
import { nextHopSource } from './sources/next-hop.ts';
import { sqlSource } from './sources/sql.ts';

type Answer = HookTable['on-rcpt']['answer'];

export default definePlugin({
  name: 'check-recipients',
  config: ConfigSchema,
  needs: { clock: Clock, resolver: Resolver, identity: ServerIdentity },
  setup({ config, clock, log, resolver, identity }) {
    const domains = new ClaimedDomains(config.domains);
    const sources: Source[] = [
      ...(config.file === undefined ? [] : [fileSource(config.file, clock, log)]),
      ...(config.sql === undefined ? [] : [sqlSource(config.sql, config.timeout)]),
      ...(config.ldap === undefined ? [] : [ldapSource(config.ldap, config.timeout)]),
      ...(config.http === undefined ? [] : [httpSource(config.http)]),
      ...(config.nextHop === undefined ? [] : [nextHopSource(config.nextHop, resolver, identity)]),
    ];
    if (sources.length === 0)
      throw new PosthouseError(
        'config-invalid',
        'check-recipients: one of file, sql, ldap, http and nextHop must say who is known',
      );
    const lookup = new Lookup(sources, config, clock, log);
    return {
      describe: () =>
        `${config.domains.join(', ')}: mailboxes are those of ${sources.map(({ name }) => name).join(', ')}`,
      hooks: {
        // Late, so that whoever knows further names of a mailbox has claimed them before.
        'on-rcpt': { order: 'late', handler: (asked) => judge(asked, config, domains, lookup) },
      },
      async start() {
        for (const source of sources) await source.start?.();
      },
      // Every source only reads.
      rehearse: 'start',
      async stop() {
        for (const source of sources) await source.stop?.();
      },
    };
  },
});

function judge(
  { recipient, claimed }: RcptAsked,
  config: Config,
  domains: ClaimedDomains,
  lookup: Lookup,
): Answer | undefined | Promise<Answer | undefined> {
  const domain = domains.find(recipient.domain);
  if (domain === undefined || (claimed && config.claimed === 'pass')) return undefined;
  const local = withoutDetail(recipient.local, config.recipientDelimiter).toLowerCase();
  // RFC 5321 §4.5.1: the postmaster of each domain is always there.
  if (local === 'postmaster') return verdictOf(true, config);
  const address: Address = { address: `${local}@${domain}`, local, domain };
  const known = lookup.knows(address);
  return known instanceof Promise
    ? known.then((answer) => verdictOf(answer, config))
    : verdictOf(known, config);
}

function verdictOf(known: Known | undefined, { accepts, unanswered }: Config): Answer | undefined {
  if (known === false)
    return Verdict.reject('5.1.1', 'No such mailbox here', { reason: 'recipients.unknown' });
  if (known === undefined && unanswered === 'defer')
    return Verdict.defer(
      '4.3.0',
      'It cannot be said now whether there is such a mailbox, please try again later',
      {
        reason: 'recipients.unanswered',
      },
    );
  return accepts ? Verdict.accept() : undefined;
}
