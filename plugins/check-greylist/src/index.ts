// Lets unknown clients come back later: senders of spam seldom do, and by then lists know them.
// Not for: clients that are known to be good or bad; big providers that retry from other networks (exempt them).

import {
  Clock,
  definePlugin,
  type HookTable,
  LET_THROUGH,
  type Logger,
  note,
  type RcptAsked,
  type Timer,
  TrustedNetworks,
  Verdict,
  WEIGHTED_REASONS,
} from '@posthouse/core';
import { type Config, ConfigSchema } from './config.ts';
import { judge } from './judgement.ts';
import { GreylistStore } from './store.ts';
import { AddressList, type Triplet, tripletOf } from './triplet.ts';

/** Why the last recipient of the message did not have to wait. */
const RESULT = note<'passed' | 'known' | 'network'>('check-greylist/result');

const SWEEP_EVERY = 60 * 60_000;
/** The operator hears of the same trouble so often. */
const TELL_AGAIN = 60_000;

type Answer = HookTable['on-rcpt']['answer'];

export default definePlugin({
  name: 'check-greylist',
  config: ConfigSchema,
  needs: { clock: Clock },
  setup(tools) {
    const greylist = new Greylist(tools);
    return {
      describe: () => `unknown clients come back after ${Math.round(tools.config.delay / 1000)} seconds`,
      hooks: {
        // Late: whoever is refused for another reason is not remembered.
        'on-rcpt': { order: 'late', handler: (asked) => greylist.judge(asked) },
      },
      start: () => greylist.start(),
      rehearse: () => greylist.rehearse(),
      stop: () => greylist.stop(),
    };
  },
});

interface Tools {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
}

class Greylist {
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #trusted: TrustedNetworks;
  readonly #senders: AddressList;
  readonly #recipients: AddressList;
  #store: GreylistStore | undefined;
  #timer: Timer | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor({ config, clock, log }: Tools) {
    this.#config = config;
    this.#clock = clock;
    this.#log = log;
    this.#trusted = new TrustedNetworks(config.trustedNetworks, 'trustedNetworks');
    this.#senders = new AddressList(config.exemptSenders);
    this.#recipients = new AddressList(config.exemptRecipients);
  }

  start(): void {
    const { path, entries } = this.#config;
    this.#store = GreylistStore.open(path, entries, this.#log);
    this.#timer = this.#clock.every(SWEEP_EVERY, () => this.#sweep());
  }

  rehearse(): void {
    const { path, entries } = this.#config;
    this.#store = GreylistStore.openToRead(path, entries);
  }

  stop(): void {
    this.#timer?.stop();
    this.#store?.close();
    this.#store = undefined;
  }

  judge(asked: RcptAsked): Answer | undefined {
    const { session, sender, recipient, notes } = asked;
    if (session.user !== undefined || notes.get(LET_THROUGH) !== undefined) return undefined;
    if (this.#trusted.has(session.remoteAddress)) return undefined;
    if (sender !== null && this.#senders.has(sender)) return undefined;
    if (this.#recipients.has(recipient) || !this.#isSuspect(asked)) return undefined;
    const triplet = tripletOf(session.remoteAddress, sender, recipient, this.#config);
    try {
      return this.#ask(this.#store as GreylistStore, triplet, asked);
    } catch (error) {
      this.#tell(error);
      if (this.#config.unavailable === 'pass') return undefined;
      return Verdict.defer('4.3.0', 'The greylist cannot be used, please try again later', {
        reason: 'greylist.unavailable',
      });
    }
  }

  #ask(store: GreylistStore, triplet: Triplet, { notes }: RcptAsked): Answer | undefined {
    const now = this.#clock.now();
    const { allowAfter, allowFor } = this.#config;
    const network = allowAfter === 0 ? undefined : store.network(triplet.network, now);
    if (network !== undefined && network.successes >= allowAfter && now - network.last <= allowFor) {
      store.refreshNetwork(triplet.network, network, now);
      notes.set(RESULT, 'network');
      return undefined;
    }
    const remembered = store.find(triplet);
    const judgement = judge(remembered, now, this.#config);
    if (judgement.kind === 'new') store.begin(triplet, now);
    else if (judgement.kind === 'passes' && remembered !== undefined) store.pass(triplet, remembered, now);
    else if (judgement.kind === 'known' && remembered !== undefined) store.refresh(triplet, remembered, now);
    if ('wait' in judgement)
      return Verdict.defer(
        '4.7.1',
        `Greylisted, please try again in ${Math.ceil(judgement.wait / 1000)} seconds`,
        { code: 450, reason: `greylist.${judgement.kind}` },
      );
    notes.set(RESULT, judgement.kind === 'passes' ? 'passed' : 'known');
    return undefined;
  }

  #isSuspect({ notes }: RcptAsked): boolean {
    const { minimumScore } = this.#config;
    if (minimumScore === undefined) return true;
    const reasons = notes.get(WEIGHTED_REASONS) ?? [];
    return reasons.reduce((sum, { weight }) => sum + weight, 0) >= minimumScore;
  }

  #sweep(): void {
    const now = this.#clock.now();
    const { retryWindow, lifetime, allowFor } = this.#config;
    try {
      this.#store?.sweep({
        unpassed: now - retryWindow,
        passed: now - lifetime,
        networks: now - allowFor,
      });
    } catch (error) {
      this.#tell(error);
    }
  }

  #tell(error: unknown): void {
    const now = this.#clock.now();
    if (now - this.#toldAt < TELL_AGAIN) return;
    this.#toldAt = now;
    this.#log.error({ path: this.#config.path, error: String(error) }, 'the greylist cannot be used');
  }
}
