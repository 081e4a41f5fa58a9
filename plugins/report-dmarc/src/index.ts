// Gathers what check-auth found out about messages by day, and sends each domain that asks for it an aggregate report
// (RFC 7489 §7.2). Not for: failure reports (`ruf`), which tell strangers of single messages.

import {
  Chance,
  Clock,
  definePlugin,
  Mailer,
  PosthouseError,
  parseMailbox,
  Resolver,
  ServerIdentity,
} from '@posthouse/core';
import { DailyReports } from '@posthouse/core/reporting';
import { ConfigSchema } from './config.ts';
import { Gatherer } from './gatherer.ts';
import { ReportSender } from './sender.ts';

export default definePlugin({
  name: 'report-dmarc',
  config: ConfigSchema,
  needs: {
    mailer: Mailer,
    resolver: Resolver,
    clock: Clock,
    chance: Chance,
    identity: ServerIdentity,
  },
  setup({ config, mailer, resolver, clock, chance, identity, log }) {
    if (parseMailbox(config.from) === undefined)
      throw new PosthouseError('config-invalid', `report-dmarc: from "${config.from}" is not a mail address`);
    const gatherer = new Gatherer(config.exclude);
    const reporter = { organization: config.organization, from: config.from, hostname: identity.hostname };
    const sender = new ReportSender({ mailer, resolver, log }, reporter, config);
    const reports = new DailyReports(
      { clock, chance, log },
      { ...config, what: 'DMARC', tally: gatherer, send: (day) => sender.send(day) },
    );
    return {
      describe: () =>
        `DMARC reports leave as ${config.from}, within ${config.spread / 60_000} minutes after each day`,
      observe: {
        'message-authenticated'(facts) {
          gatherer.checked(facts);
          reports.counted();
        },
        'verdict-given': (facts) => gatherer.judged(facts),
        'connection-closed': ({ session }) => gatherer.closed(session),
      },
      start: () => reports.start(),
      stop: () => reports.stop(),
    };
  },
});
