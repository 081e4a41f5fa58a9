// Asks DNS lists about clients and messages: DNSBL and DNSWL of addresses, lists of domains about HELO, sender and links.
// Not for: whether a sender may use his domain (SPF, DKIM, DMARC).

import { isIPv4 } from 'node:net';
import {
  addReason,
  Clock,
  type DataAsked,
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
import { LinkReader } from './link-reader.ts';
import { type ListAnswer, Lists, type ListsTools } from './lists.ts';
import { listedDomain, reversed } from './question.ts';
import { type Subject, type Zone, zonesOf } from './zone.ts';

/** What the lists say of a client and its message. */
const RESULT = note<{
  readonly score: number;
  readonly listed: readonly string[];
  readonly unanswered: readonly string[];
}>('check-dnsbl/result');

/** The same of what the message links to. */
const LINKS = note<{
  readonly score: number;
  readonly listed: readonly string[];
  readonly unanswered: readonly string[];
}>('check-dnsbl/links');

export default definePlugin({
  name: 'check-dnsbl',
  config: ConfigSchema,
  needs: { resolver: Resolver, clock: Clock },
  setup(tools) {
    const desk = new ListDesk(tools, tools.config);
    return {
      describe: () =>
        `asks ${desk.zones.map(({ name }) => name).join(', ')} about clients${desk.asksAboutLinks ? ' and links' : ''}`,
      hooks: {
        // The answers come while the client says who it is.
        'on-connect': ({ session, notes }) => (notes.get(LET_THROUGH) ? undefined : desk.begin(session)),
        'on-mail-from': (asked) => desk.judge(asked),
        // Without a list of links no message is read.
        ...(desk.asksAboutLinks && { 'on-data': (asked) => desk.judgeLinks(asked) }),
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

type Answer = HookTable['on-mail-from']['answer'];
type Listing = Asked & { readonly weight: number };

/** Of several links that one list knows, the one that counts most: what it says is said of the message, once. */
function strongest(found: readonly Listing[]): readonly Listing[] {
  const links = new Map<Zone, Listing>();
  for (const each of found)
    if (each.kind === 'link' && Math.abs(each.weight) > Math.abs(links.get(each.zone)?.weight ?? 0))
      links.set(each.zone, each);
  return found.filter((each) => each.kind !== 'link' || links.get(each.zone) === each);
}

class ListDesk {
  readonly zones: readonly Zone[];
  readonly lists: Lists;
  readonly #config: Config;
  readonly #trusted: TrustedNetworks;
  readonly #links: LinkReader;
  readonly #begun = new WeakMap<
    SessionView,
    { readonly address: string; readonly asked: readonly Asked[] }
  >();

  constructor(tools: ListsTools, config: Config) {
    this.#config = config;
    this.zones = zonesOf(config.zones);
    this.lists = new Lists(tools);
    this.#links = new LinkReader(config);
    this.#trusted = new TrustedNetworks(config.trustedNetworks, 'trustedNetworks');
  }

  get asksAboutLinks(): boolean {
    return this.zones.some(({ of }) => of.has('link'));
  }

  begin(session: SessionView): undefined {
    if (!this.#trusted.has(session.remoteAddress)) this.#aboutAddress(session);
  }

  judge(asked: MailFromAsked): undefined | Promise<Answer | undefined> {
    const { session, sender } = asked;
    if (this.#isKnown(asked)) return undefined;
    return this.#weigh(asked, RESULT, [
      ...this.#aboutAddress(session),
      ...this.#about('helo', listedDomain(session.helo)),
      ...this.#about('sender', listedDomain(sender?.domain)),
    ]);
  }

  /** What the message links to, all lists side by side. */
  async judgeLinks(asked: DataAsked): Promise<Answer | undefined> {
    if (this.#isKnown(asked)) return undefined;
    const names = await this.#links.names(asked.message);
    if (names.length === 0) return undefined;
    return this.#weigh(
      asked,
      LINKS,
      names.flatMap((name) => this.#about('link', name)),
    );
  }

  #isKnown({ session, notes }: MailFromAsked): boolean {
    return (
      session.user !== undefined ||
      notes.get(LET_THROUGH) !== undefined ||
      this.#trusted.has(session.remoteAddress)
    );
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
    result: typeof RESULT,
    asked: readonly Asked[],
  ): Promise<Answer | undefined> {
    const answers = await Promise.all(asked.map(({ answer }) => answer));
    const found: Listing[] = [];
    const unanswered: string[] = [];
    for (const [index, each] of asked.entries()) {
      const answer = answers[index] as ListAnswer;
      if (answer.kind === 'unanswered') unanswered.push(each.zone.name);
      const weight = answer.kind === 'answered' ? each.zone.weigh(answer.addresses) : undefined;
      if (weight !== undefined) found.push({ ...each, weight });
    }
    const listings = strongest(found);
    const score = listings.reduce((sum, { weight }) => sum + weight, 0);
    if (listings.length + unanswered.length > 0)
      notes.set(result, {
        score,
        listed: listings.map(({ zone }) => zone.name),
        unanswered: [...new Set(unanswered)],
      });
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

  async #refuse({ remoteAddress }: SessionView, listings: readonly Listing[]): Promise<Answer> {
    const { zone, kind, subject } = listings.reduce((most, each) =>
      each.weight > most.weight ? each : most,
    );
    const text = this.#config.explain ? await this.lists.text(subject, zone.name) : undefined;
    const what = {
      address: `Client [${remoteAddress}]`,
      helo: `The domain ${subject}`,
      sender: `The domain ${subject}`,
      // Lists know an address backwards, people do not.
      link: `The message links to ${(isIPv4(subject) && reversed(subject)) || subject}, which`,
    }[kind];
    const sentence = `${what} is listed by ${zone.name}${text === undefined ? '' : `: ${text}`}`;
    return this.#config.action === 'defer'
      ? Verdict.defer('4.7.1', sentence, { reason: `dnsbl.${zone.name}` })
      : Verdict.reject('5.7.1', sentence, { reason: `dnsbl.${zone.name}` });
  }
}
