// Limits how much clients, senders and users may send: connections, messages, recipients, octets, failures.
// Not for: connections that are open at a time, and the limits of one session, which are the core's; the daily allowance
// of users, which accept-submission has.

import {
  type Awaitable,
  Clock,
  type ConnectAsked,
  type CounterRequest,
  Counters,
  type DataAsked,
  definePlugin,
  type HookTable,
  type Logger,
  type Mailbox,
  type MailFromAsked,
  type Overrun,
  type RcptAsked,
  type ReversePath,
  TrustedNetworks,
  Verdict,
} from '@posthouse/core';
import { type Config, ConfigSchema } from './config.ts';
import { observeFailures } from './failures.ts';
import { type Counted, describeOverrun, type Known, type Limit, limitsOf } from './limit.ts';

/** A refusal that every hook may give. */
type Answer = HookTable['on-connect']['answer'];

/** The operator hears of the same trouble so often. */
const TELL_AGAIN = 60_000;

export default definePlugin({
  name: 'check-limits',
  config: ConfigSchema,
  needs: { counters: Counters, clock: Clock },
  setup(tools) {
    const desk = new LimitDesk(tools);
    const counts = (...what: readonly Counted[]): boolean => what.some((each) => desk.has(each));
    return {
      describe: () => `${tools.config.limits.length} limits on what may be sent`,
      hooks: {
        ...(counts('connections', 'failures') && {
          'on-connect': (asked: ConnectAsked) => desk.connection(asked),
        }),
        ...(counts('messages', 'failures') && {
          'on-mail-from': (asked: MailFromAsked) => desk.message(asked),
        }),
        ...(counts('recipients') && {
          // Late: recipients that are refused for another reason are not counted.
          'on-rcpt': { order: 'late', handler: (asked: RcptAsked) => desk.recipient(asked) } as const,
        }),
        ...(counts('bytes') && { 'on-data': (asked: DataAsked) => desk.octets(asked) }),
      },
      ...(counts('failures') && { observe: observeFailures((address) => desk.failed(address)) }),
    };
  },
});

interface Tools {
  readonly config: Config;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly log: Logger;
}

class LimitDesk {
  readonly #tools: Tools;
  readonly #limits: readonly Limit[];
  readonly #trusted: TrustedNetworks;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(tools: Tools) {
    this.#tools = tools;
    this.#limits = limitsOf(tools.config);
    this.#trusted = new TrustedNetworks(tools.config.trustedNetworks, 'trustedNetworks');
  }

  has(count: Counted): boolean {
    return this.#limits.some((limit) => limit.count === count);
  }

  connection({ session }: ConnectAsked): Awaitable<Answer | undefined> {
    return this.#take({ address: session.remoteAddress }, [
      ['failures', 0],
      ['connections', 1],
    ]);
  }

  message({ session, sender }: MailFromAsked): Awaitable<Answer | undefined> {
    const { remoteAddress: address, user } = session;
    return this.#take({ address, user, sender: partsOf(sender) }, [
      ['failures', 0],
      ['messages', 1],
    ]);
  }

  recipient({ session, sender, recipient }: RcptAsked): Awaitable<Answer | undefined> {
    const { remoteAddress: address, user } = session;
    const known = { address, user, sender: partsOf(sender), recipient: partsOf(recipient) };
    return this.#take(known, [['recipients', 1]]);
  }

  octets({ session, sender, message }: DataAsked): Awaitable<Answer | undefined> {
    const { remoteAddress: address, user } = session;
    return this.#take({ address, user, sender: partsOf(sender) }, [['bytes', message.size]]);
  }

  failed(address: string): void {
    if (this.#trusted.has(address)) return;
    const requests = this.#requests({ address }, [['failures', 1]]).map(({ request }) => request);
    try {
      const added = this.#tools.counters.add(requests);
      if (added instanceof Promise) added.catch((error: unknown) => this.#tell(error));
    } catch (error) {
      this.#tell(error);
    }
  }

  #take(known: Known, amounts: readonly (readonly [Counted, number])[]): Awaitable<Answer | undefined> {
    if (this.#trusted.has(known.address)) return undefined;
    const asked = this.#requests(known, amounts);
    if (asked.length === 0) return undefined;
    const refuse = (overrun: Overrun | undefined): Answer | undefined => {
      const found = overrun && asked.find(({ request }) => request === overrun.request);
      return found && refusalOf(found.limit, overrun);
    };
    try {
      const overrun = this.#tools.counters.take(asked.map(({ request }) => request));
      return overrun instanceof Promise
        ? overrun.then(refuse, (error: unknown) => this.#unavailable(error))
        : refuse(overrun);
    } catch (error) {
      return this.#unavailable(error);
    }
  }

  #requests(
    known: Known,
    amounts: readonly (readonly [Counted, number])[],
  ): readonly { readonly limit: Limit; readonly request: CounterRequest }[] {
    return amounts.flatMap(([count, amount]) =>
      this.#limits.flatMap((limit) => {
        const subject = limit.count === count ? limit.subjectOf(known) : undefined;
        if (subject === undefined) return [];
        // Failures are counted when they happen; asked for is only whether there have been fewer than the limit.
        const most = limit.mostFor(subject) - (count === 'failures' && amount === 0 ? 1 : 0);
        return [{ limit, request: { key: limit.keyOf(subject), amount, most, window: limit.per } }];
      }),
    );
  }

  #unavailable(error: unknown): Answer | undefined {
    this.#tell(error);
    if (this.#tools.config.unavailable === 'pass') return undefined;
    return Verdict.defer('4.3.0', 'Limits cannot be looked up, please try again later', {
      reason: 'limits.unavailable',
    });
  }

  #tell(error: unknown): void {
    const { clock, log } = this.#tools;
    if (clock.now() - this.#toldAt < TELL_AGAIN) return;
    this.#toldAt = clock.now();
    log.error({ error: String(error) }, 'the counts of the limits cannot be reached');
  }
}

function refusalOf(limit: Limit, overrun: Overrun): Answer {
  const text = describeOverrun(limit, overrun);
  const reason = `limits.${limit.count}-by-${limit.by}`;
  if (limit.action === 'disconnect') return Verdict.disconnect(text, { reason });
  // A message that is larger than the limit will not get smaller.
  if (limit.action === 'reject' || overrun.wait === undefined)
    return Verdict.reject('5.7.28', text, { reason });
  return Verdict.defer('4.7.28', text, { reason });
}

function partsOf(
  address: Mailbox | ReversePath,
): { readonly address: string; readonly domain: string } | undefined {
  return address === null ? undefined : { address: address.toString(), domain: address.domain };
}
