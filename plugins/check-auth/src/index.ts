// Checks who a message is from: SPF (RFC 7208), DKIM (RFC 6376), ARC (RFC 8617) and DMARC (RFC 7489, RFC 9989).
// Not for: signing; what to think of a sender who is who he says.

import {
  AuthenticationResultsRules,
  Chance,
  Clock,
  type DataAsked,
  definePlugin,
  EventSink,
  type MailFromAsked,
  PosthouseError,
  Resolver,
  type SessionView,
  TrustedNetworks,
} from '@posthouse/core';
import { checkMessage, checkSpf } from './check.ts';
import { ConfigSchema } from './config.ts';
import { KeyRecords } from './dkim/key-record.ts';
import { DmarcCheck } from './dmarc.ts';
import { type Engine, loadEngine } from './engine.ts';
import { Lookups } from './lookups.ts';
import { dispositionOf, judgementOf, spfJudgement } from './policy.ts';
import { authenticationResults, type MessageResults, notes, receivedSpf, type SpfResult } from './results.ts';
import { Policies } from './spf/check-host.ts';

const MAPPED = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i;

export default definePlugin({
  name: 'check-auth',
  config: ConfigSchema,
  needs: {
    resolver: Resolver,
    clock: Clock,
    chance: Chance,
    events: EventSink,
    rules: AuthenticationResultsRules,
  },
  setup({ config, resolver, clock, chance, events, rules }) {
    const trusted = new TrustedNetworks(config.skip.networks, 'skip.networks');
    let loaded: Engine | undefined;
    /** SPF begins at MAIL and runs while the message comes in. */
    const begun = new WeakMap<SessionView, Promise<SpfResult>>();

    const engine = (): Engine => {
      if (loaded === undefined) throw new PosthouseError('plugin-invalid', 'check-auth is not started');
      return loaded;
    };
    const policies = new Policies();
    const memory = { keys: new KeyRecords(), authors: new DmarcCheck(engine) };
    const skips = ({ user, remoteAddress }: SessionView): boolean =>
      (config.skip.authenticated && user !== undefined) || trusted.has(remoteAddress);
    const clientOf = ({ remoteAddress }: SessionView): string =>
      remoteAddress.replace(MAPPED, '').replace(/%.*$/, '');
    const lookupsFor = (session: SessionView): Lookups =>
      new Lookups(resolver, clock, config.dns, clientOf(session));

    function beginSpf({ session, sender }: MailFromAsked): Promise<SpfResult> {
      const lookups = lookupsFor(session);
      const question = {
        sender: sender === null ? '' : sender.toString(),
        client: clientOf(session),
        helo: session.helo ?? '',
      };
      const spf = checkSpf(policies, question, lookups).finally(() => lookups.close());
      begun.set(session, spf);
      return spf;
    }

    /** An early refusal; only those who reject refuse early. */
    async function refuseEarly({ session }: MailFromAsked) {
      const spf = await begun.get(session);
      const judgement = spf && spfJudgement(spf, config, clientOf(session));
      return judgement?.kind === 'reject' ? judgement : undefined;
    }

    async function check({ session, message }: DataAsked, spf: SpfResult): Promise<MessageResults> {
      const lookups = lookupsFor(session);
      const { signatures, minBits } = config.dkim;
      try {
        const settings = { signatures, minBits, now: clock.now(), client: clientOf(session) };
        return await checkMessage(engine(), memory, message, spf, lookups, settings);
      } finally {
        lookups.close();
      }
    }

    return {
      describe: () =>
        `SPF fail: ${config.spf.fail} (at ${config.spf.when}); DMARC p=reject: ${config.dmarc.reject}, p=quarantine: ${config.dmarc.quarantine}`,
      async start() {
        loaded = await loadEngine();
      },
      rehearse: 'start',
      hooks: {
        'on-mail-from'(asked) {
          if (skips(asked.session)) return;
          void beginSpf(asked);
          if (config.spf.when === 'mail') return refuseEarly(asked);
        },
        ...(config.spf.when === 'rcpt' && {
          'on-rcpt': (asked: MailFromAsked) => (skips(asked.session) ? undefined : refuseEarly(asked)),
        }),
        async 'on-data'(asked) {
          const { session, sender, edits } = asked;
          if (skips(session)) return;
          const spf = await (begun.get(session) ?? beginSpf(asked));
          const results = await check(asked, spf);
          const disposition = dispositionOf(results, config, chance.next());
          asked.notes.set(notes.spf, results.spf);
          asked.notes.set(notes.dkim, [...results.dkim]);
          asked.notes.set(notes.arc, results.arc);
          asked.notes.set(notes.dmarc, results.dmarc);
          for (const result of authenticationResults(results)) edits.authenticationResult(result);
          const client = clientOf(session);
          if (config.receivedSpf) {
            const facts = { client, helo: session.helo ?? '', receiver: rules.authservId };
            edits.prependHeader('Received-SPF', receivedSpf(results.spf, facts));
          }
          if (events.wants('message-authenticated', true)) {
            events.emit('message-authenticated', {
              session: session.id,
              remoteAddress: client,
              sender: sender === null ? '' : sender.toString(),
              ...results,
              ...disposition,
            });
          }
          return judgementOf(results, disposition, config, client);
        },
      },
    };
  },
});
