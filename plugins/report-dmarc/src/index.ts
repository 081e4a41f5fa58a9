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
  type Timer,
} from '@posthouse/core';
import { ConfigSchema } from './config.ts';
import { Gatherer } from './gatherer.ts';
import { dayOf, Journal } from './journal.ts';
import { ReportSender } from './sender.ts';

/** How often a day is looked for that is to be reported. */
const LOOK = 600_000;
const DAY = 86_400_000;
/** Kinds of results in memory; with more the disk is written at once. */
const MAX_TALLY = 10_000;

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
    const journal = new Journal(config.path, config.daySize);
    const reporter = { organization: config.organization, from: config.from, hostname: identity.hostname };
    const sender = new ReportSender({ mailer, resolver, log }, reporter, config);
    const wait = Math.floor(chance.next() * config.spread);
    const timers: Timer[] = [];
    /** Lines for which the disk had no room at the last try. */
    let unwritten = '';
    let fullDay = '';
    /** One thing at a time; a failure is logged and tried again at the next turn. */
    let work: Promise<void> = Promise.resolve();
    const then = (what: string, task: () => Promise<void>): Promise<void> => {
      work = work.then(task).catch((error: unknown) => {
        log.error({ error: error instanceof Error ? error.message : String(error) }, what);
      });
      return work;
    };

    async function flush(): Promise<void> {
      unwritten += gatherer.drain();
      if (unwritten === '') return;
      const day = dayOf(clock.now());
      const written = await journal.append(day, unwritten);
      unwritten = '';
      if (written) return;
      if (fullDay !== day) log.warn({ day }, 'no more DMARC results are kept for this day');
      fullDay = day;
    }

    async function report(): Promise<void> {
      const now = clock.now();
      for (const day of await journal.days()) {
        if (now < Date.parse(day) + DAY + wait) continue;
        await sender.send(day, journal.lines(day));
        await journal.remove(day);
      }
    }
    const flushLater = (): Promise<void> => then('DMARC results not written', flush);

    return {
      describe: () =>
        `DMARC reports leave as ${config.from}, within ${config.spread / 60_000} minutes after each day`,
      observe: {
        'message-authenticated'(facts) {
          gatherer.checked(facts);
          if (gatherer.size >= MAX_TALLY) void flushLater();
        },
        'verdict-given': (facts) => gatherer.judged(facts),
        'connection-closed': ({ session }) => gatherer.closed(session),
      },
      async start() {
        await journal.prepare();
        timers.push(
          clock.every(config.flushEvery, () => void flushLater()),
          clock.every(LOOK, () => void then('DMARC reports not sent', report)),
        );
      },
      async stop() {
        for (const timer of timers) timer.stop();
        await flushLater();
      },
    };
  },
});
