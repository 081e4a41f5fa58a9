// Judges clients by their reverse DNS and by what they call themselves.
// Not for: the sender's domain (check-sender-domain), lists of clients (check-dnsbl), early talkers (the core's `earlyTalker`).

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
  ServerIdentity,
  type SessionView,
  TrustedNetworks,
  Verdict,
} from '@posthouse/core';
import { type Config, ConfigSchema } from './config.ts';
import { heloFault, hostNameOf, plain } from './helo.ts';
import { type ReverseName, reverseNameOf } from './reverse-name.ts';

type Answer = HookTable['on-mail-from']['answer'];
type Fault = Exclude<keyof Config, 'iprev' | 'ownNames' | 'unanswered' | 'timeout' | 'trustedNetworks'>;

/** The names of the client's address; `confirmed` is one that leads back to it. */
const REVERSE_NAME = note<{ readonly names: readonly string[]; readonly confirmed: string | null }>(
  'check-client/reverse-name',
);

/** A tag and a sentence for each fault. */
const FAULTS: { readonly [F in Fault]: readonly [reason: string, text: (session: SessionView) => string] } = {
  invalidHelo: ['client.invalid-helo', ({ helo }) => `HELO ${helo} is not a host name`],
  unqualifiedHelo: ['client.unqualified-helo', ({ helo }) => `HELO ${helo} is not fully qualified`],
  ownHelo: ['client.own-helo', ({ helo }) => `You are not ${helo}`],
  foreignLiteral: ['client.foreign-literal', ({ helo }) => `HELO ${helo} is not your address`],
  unknownHelo: ['client.unknown-helo', ({ helo }) => `HELO ${helo} is not known in DNS`],
  noReverseName: [
    'client.no-reverse-name',
    ({ remoteAddress }) => `Your address ${remoteAddress} has no name in DNS`,
  ],
  unconfirmedReverseName: [
    'client.unconfirmed-reverse-name',
    ({ remoteAddress }) => `The name of your address ${remoteAddress} does not lead back to it`,
  ],
};

export default definePlugin({
  name: 'check-client',
  config: ConfigSchema,
  needs: { resolver: Resolver, clock: Clock, identity: ServerIdentity },
  setup(tools) {
    const desk = new ClientDesk(tools);
    return {
      hooks: {
        // The answer comes while the client says who it is.
        'on-connect': ({ session, notes }) => (notes.get(LET_THROUGH) ? undefined : desk.begin(session)),
        'on-mail-from': (asked) => desk.judge(asked),
        ...(desk.asksReverse && { 'on-data': (asked: DataAsked) => desk.record(asked) }),
      },
    };
  },
});

interface Tools {
  readonly config: Config;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly identity: ServerIdentity;
}

class ClientDesk {
  readonly #tools: Tools;
  readonly #trusted: TrustedNetworks;
  readonly #ownNames: ReadonlySet<string>;
  /** Whether the names of clients are asked for at all. */
  readonly asksReverse: boolean;
  /** Whether a rule wants them. */
  readonly #judgesReverse: boolean;
  readonly #begun = new WeakMap<
    SessionView,
    { readonly address: string; readonly reverse: Promise<ReverseName | undefined> }
  >();

  constructor(tools: Tools) {
    const { config, identity } = tools;
    this.#tools = tools;
    this.#trusted = new TrustedNetworks(config.trustedNetworks, 'trustedNetworks');
    this.#ownNames = new Set([identity.hostname, ...config.ownNames].map(plain));
    this.#judgesReverse = config.noReverseName !== 'ignore' || config.unconfirmedReverseName !== 'ignore';
    this.asksReverse = config.iprev || this.#judgesReverse;
  }

  begin(session: SessionView): undefined {
    if (this.asksReverse && !this.#trusted.has(session.remoteAddress)) void this.#reverse(session);
  }

  /** At once where no DNS is needed. */
  judge(asked: MailFromAsked): Answer | undefined | Promise<Answer | undefined> {
    const { session, notes } = asked;
    if (!this.#isJudged(session, notes)) return undefined;
    const { helo, remoteAddress, localAddress } = session;
    const fault =
      helo === undefined
        ? undefined
        : heloFault(helo, { remoteAddress, localAddress, ownNames: this.#ownNames });
    const refusal = fault === undefined ? undefined : this.#follow(fault, asked);
    if (refusal !== undefined) return refusal;
    const name = helo === undefined || fault !== undefined ? undefined : hostNameOf(helo);
    const asksHelo = this.#tools.config.unknownHelo !== 'ignore' && name !== undefined;
    return asksHelo || this.#judgesReverse ? this.#ask(asked, asksHelo ? name : undefined) : undefined;
  }

  async #ask(asked: MailFromAsked, helo: string | undefined): Promise<Answer | undefined> {
    const { config, resolver } = this.#tools;
    const known =
      helo === undefined
        ? true
        : this.#within(async (signal) => (await resolver.mx(helo, signal)).length > 0);
    const reverse = this.#judgesReverse ? this.#reverse(asked.session) : undefined;
    const [heloKnown, names] = await Promise.all([known, reverse]);
    if (heloKnown === false) {
      const refusal = this.#follow('unknownHelo', asked);
      if (refusal !== undefined) return refusal;
    }
    if (names !== undefined) {
      remember(asked.notes, names);
      const fault =
        names.names.length === 0
          ? 'noReverseName'
          : names.confirmed === undefined
            ? 'unconfirmedReverseName'
            : undefined;
      const refusal = fault === undefined ? undefined : this.#follow(fault, asked);
      if (refusal !== undefined) return refusal;
    }
    const isUnanswered = heloKnown === undefined || (this.#judgesReverse && names === undefined);
    if (isUnanswered && config.unanswered === 'defer')
      return Verdict.defer('4.7.25', 'DNS says nothing about you, please try again later', {
        reason: 'client.unanswered',
      });
    return undefined;
  }

  /** Writes down what is known of the names. */
  async record({ session, notes, edits }: DataAsked): Promise<undefined> {
    if (!this.#isJudged(session, notes)) return;
    const found = await this.#reverse(session);
    if (found !== undefined) remember(notes, found);
    edits.authenticationResult({
      method: 'iprev',
      result: iprevResult(found),
      properties: { 'policy.iprev': session.remoteAddress },
    });
  }

  #isJudged(session: SessionView, notes: MailFromAsked['notes']): boolean {
    if (session.user !== undefined || notes.get(LET_THROUGH) !== undefined) return false;
    return !this.#trusted.has(session.remoteAddress);
  }

  #reverse(session: SessionView): Promise<ReverseName | undefined> {
    const { remoteAddress: address } = session;
    const begun = this.#begun.get(session);
    // XCLIENT may have made another client of it.
    if (begun?.address === address) return begun.reverse;
    const reverse = this.#within((signal) => reverseNameOf(address, this.#tools.resolver, signal));
    this.#begun.set(session, { address, reverse });
    return reverse;
  }

  #follow(fault: Fault, { session, notes }: MailFromAsked): Answer | undefined {
    const consequence = this.#tools.config[fault];
    const [reason, text] = FAULTS[fault];
    if (typeof consequence === 'number') addReason(notes, reason, consequence);
    // RFC 7372 §3.3: 7.25 is about reverse DNS.
    const isReverse = fault === 'noReverseName' || fault === 'unconfirmedReverseName';
    if (consequence === 'reject')
      return Verdict.reject(isReverse ? '5.7.25' : '5.7.1', text(session), { reason });
    if (consequence === 'defer')
      return Verdict.defer(isReverse ? '4.7.25' : '4.7.1', text(session), { reason });
    return undefined;
  }

  /** Undefined where DNS fails or takes too long. */
  #within<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const { clock, config } = this.#tools;
    return new Promise((resolve) => {
      const controller = new AbortController();
      const timer = clock.after(config.timeout, () => {
        resolve(undefined);
        controller.abort(new Error(`DNS gave no answer within ${config.timeout} ms`));
      });
      ask(controller.signal)
        .then(resolve, () => resolve(undefined))
        .finally(() => timer.stop());
    });
  }
}

function remember(notes: MailFromAsked['notes'], { names, confirmed }: ReverseName): void {
  notes.set(REVERSE_NAME, { names, confirmed: confirmed ?? null });
}

/** RFC 8601 §2.7.3. */
function iprevResult(found: ReverseName | undefined): string {
  if (found === undefined) return 'temperror';
  if (found.confirmed !== undefined) return 'pass';
  return found.names.length === 0 ? 'permerror' : 'fail';
}
