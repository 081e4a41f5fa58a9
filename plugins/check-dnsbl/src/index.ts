// Asks DNS lists about clients: DNSBL and DNSWL of their addresses, lists of domains about HELO and sender.
// Not for: links in messages; whether a sender may use his domain (SPF, DKIM, DMARC).

import {
  addReason,
  Clock,
  definePlugin,
  type HookTable,
  LET_THROUGH,
  type MailFromAsked,
  note,
  Resolver,
  type SessionView,
  TrustedNetworks,
  Verdict,
} from '@posthouse/core';
import { type Config, ConfigSchema } from './config.ts';
import { type ListAnswer, Lists, type ListsTools } from './lists.ts';
import { listedDomain, reversed } from './question.ts';
import { type Subject, type Zone, zonesOf } from './zone.ts';

/** What the lists say of a client and its message. */
const RESULT = note<{
  readonly score: number;
  readonly listed: readonly string[];
  readonly unanswered: readonly string[];
}>('check-dnsbl/result');

export default definePlugin({
  name: 'check-dnsbl',
  config: ConfigSchema,
  needs: { resolver: Resolver, clock: Clock },
  setup(tools) {
    const desk = new ListDesk(tools, tools.config);
    return {
      describe: () => `asks ${desk.zones.map(({ name }) => name).join(', ')} about clients`,
      hooks: {
        // The answers come while the client says who it is.
        'on-connect': ({ session, notes }) => (notes.get(LET_THROUGH) ? undefined : desk.begin(session)),
        'on-mail-from': (asked) => desk.judge(asked),
      },
      start: () => desk.lists.start(desk.zones),
      rehearse: 'start',
      stop: () => desk.lists.stop(),
    };
  },
});

interface Asked {
  readonly zone: Zone;
  readonly kind: Subject;
  /** As the list was asked for it. */
  readonly subject: string;
  readonly answer: Promise<ListAnswer>;
}

class ListDesk {
  readonly zones: readonly Zone[];
  readonly lists: Lists;
  readonly #config: Config;
  readonly #trusted: TrustedNetworks;
  readonly #begun = new WeakMap<
    SessionView,
    { readonly address: string; readonly asked: readonly Asked[] }
  >();

  constructor(tools: ListsTools, config: Config) {
    this.#config = config;
    this.zones = zonesOf(config.zones);
    this.lists = new Lists(tools);
    this.#trusted = new TrustedNetworks(config.trustedNetworks, 'trustedNetworks');
  }

  begin(session: SessionView): undefined {
    if (!this.#trusted.has(session.remoteAddress)) this.#aboutAddress(session);
  }

  judge(asked: MailFromAsked): undefined | Promise<HookTable['on-mail-from']['answer'] | undefined> {
    const { session, sender, notes } = asked;
    if (session.user !== undefined || notes.get(LET_THROUGH) !== undefined) return undefined;
    if (this.#trusted.has(session.remoteAddress)) return undefined;
    return this.#weigh(asked, [
      ...this.#aboutAddress(session),
      ...this.#about('helo', listedDomain(session.helo)),
      ...this.#about('sender', listedDomain(sender?.domain)),
    ]);
  }

  #aboutAddress(session: SessionView): readonly Asked[] {
    const { remoteAddress: address } = session;
    const begun = this.#begun.get(session);
    // XCLIENT may have made another client of it.
    if (begun?.address === address) return begun.asked;
    const asked = this.#about('address', reversed(address));
    this.#begun.set(session, { address, asked });
    return asked;
  }

  #about(kind: Subject, subject: string | undefined): readonly Asked[] {
    if (subject === undefined) return [];
    return this.zones
      .filter(({ of }) => of.has(kind))
      .map((zone) => ({ zone, kind, subject, answer: this.lists.ask(subject, zone.name) }));
  }

  async #weigh(
    { session, notes }: MailFromAsked,
    asked: readonly Asked[],
  ): Promise<HookTable['on-mail-from']['answer'] | undefined> {
    const answers = await Promise.all(asked.map(({ answer }) => answer));
    const listings: (Asked & { readonly weight: number })[] = [];
    const unanswered: string[] = [];
    for (const [index, each] of asked.entries()) {
      const answer = answers[index] as ListAnswer;
      if (answer.kind === 'unanswered') unanswered.push(each.zone.name);
      const weight = answer.kind === 'answered' ? each.zone.weigh(answer.addresses) : undefined;
      if (weight !== undefined) listings.push({ ...each, weight });
    }
    const score = listings.reduce((sum, { weight }) => sum + weight, 0);
    if (listings.length + unanswered.length > 0)
      notes.set(RESULT, { score, listed: listings.map(({ zone }) => zone.name), unanswered });
    if (this.#config.action === 'score') {
      for (const { zone, weight } of listings) addReason(notes, `dnsbl.${zone.name}`, weight);
      return undefined;
    }
    if (score >= this.#config.threshold) return this.#refuse(session, listings);
    if (unanswered.length > 0 && this.#config.unanswered === 'defer')
      return Verdict.defer('4.7.1', 'A DNS list gives no answer, please try again later', {
        reason: 'dnsbl.unanswered',
      });
    return undefined;
  }

  async #refuse(
    { remoteAddress }: SessionView,
    listings: readonly (Asked & { readonly weight: number })[],
  ): Promise<HookTable['on-mail-from']['answer']> {
    const { zone, kind, subject } = listings.reduce((most, each) =>
      each.weight > most.weight ? each : most,
    );
    const text = this.#config.explain ? await this.lists.text(subject, zone.name) : undefined;
    const what = kind === 'address' ? `Client [${remoteAddress}]` : `The domain ${subject}`;
    const sentence = `${what} is listed by ${zone.name}${text === undefined ? '' : `: ${text}`}`;
    return this.#config.action === 'defer'
      ? Verdict.defer('4.7.1', sentence, { reason: `dnsbl.${zone.name}` })
      : Verdict.reject('5.7.1', sentence, { reason: `dnsbl.${zone.name}` });
  }
}
