// Asks the handlers of one hook, in order, until one vetoes. The rules of the runner are here and nowhere else:
// a veto beats a claim; a throw, a time-out or an illegal answer fails closed; `observe` records and does not apply;
// and a handler that answers at once costs no await.

import {
  type Accept,
  type Clock,
  type EventSink,
  type HookTable,
  type Nothing,
  type PerRecipient,
  PosthouseError,
  type RecipientVerdict,
  type SessionHook,
  type Veto,
} from '../contract/index.ts';
import type { Mailbox } from '../smtp/index.ts';
import { faultOf } from './answer.ts';
import type { ConnectCall } from './calls.ts';
import { FAILURE, silence } from './defaults.ts';
import type { PlannedHandler } from './plan.ts';

/** What came of asking a hook. */
export interface Ruling {
  readonly verdict: Accept | Veto;
  /** Whose verdict it is; null for the core's default. */
  readonly plugin: string | null;
}

/** One question to one hook: how a call is made for each handler, and what events should say of it. */
export interface HookQuestion<H extends SessionHook> {
  readonly hook: H;
  readonly session: string;
  /** '' for the null reverse-path. */
  readonly sender?: Mailbox | '';
  readonly recipient?: Mailbox;
  /** on-data only: who may get a verdict of his own. */
  readonly recipients?: readonly Mailbox[];
  call(handler: PlannedHandler<H>, claimed: boolean): HookTable[H]['asked'] & ConnectCall;
}

type Answered<H extends SessionHook> = HookTable[H]['answer'] | Nothing;

/** One asking, from the first handler to the ruling. Cancelled when the connection goes. */
export class Asking<H extends SessionHook> {
  readonly #handlers: readonly PlannedHandler<H>[];
  readonly #question: HookQuestion<H>;
  readonly #clock: Clock;
  readonly #events: EventSink;
  #call: ConnectCall | undefined;
  #claim: Ruling | undefined;
  #perRecipient: Map<Mailbox, Ruling> | undefined;

  constructor(
    handlers: readonly PlannedHandler<H>[],
    question: HookQuestion<H>,
    clock: Clock,
    events: EventSink,
  ) {
    this.#handlers = handlers;
    this.#question = question;
    this.#clock = clock;
    this.#events = events;
  }

  /** The ruling; for on-data, `perRecipient` refines it. At once where all handlers answer at once. */
  run(): Ruling | Promise<Ruling> {
    return this.#from(0);
  }

  /** Vetoes for single recipients (on-data). They stand beside a ruling that lets the others through. */
  get perRecipient(): ReadonlyMap<Mailbox, Ruling> | undefined {
    return this.#perRecipient;
  }

  /** Nobody waits for the ruling any more. */
  cancel(): void {
    this.#call?.abort(new Error('the connection is gone'));
  }

  #from(start: number): Ruling | Promise<Ruling> {
    for (let index = start; index < this.#handlers.length; index++) {
      const planned = this.#handlers[index] as PlannedHandler<H>;
      const call = this.#question.call(planned, this.#claim !== undefined);
      const started = this.#clock.now();
      let answer: Answered<H> | Promise<Answered<H>>;
      try {
        answer = planned.handler(call);
      } catch (error) {
        const ruling = this.#failed(planned, 'threw', error, started);
        if (ruling) return ruling;
        continue;
      }
      if (answer === undefined) continue;
      if (typeof (answer as PromiseLike<unknown> | null)?.then === 'function') {
        return this.#resume(index, call, answer as Promise<Answered<H>>, started);
      }
      const ruling = this.#judge(planned, answer as Answered<H>, started);
      if (ruling) return ruling;
    }
    return this.#conclude();
  }

  async #resume(
    index: number,
    call: ConnectCall,
    pending: Promise<Answered<H>>,
    started: number,
  ): Promise<Ruling> {
    const planned = this.#handlers[index] as PlannedHandler<H>;
    this.#call = call;
    const outcome = await this.#withDeadline(planned, call, pending);
    this.#call = undefined;
    const ruling =
      'answer' in outcome
        ? this.#judge(planned, outcome.answer, started)
        : this.#failed(planned, outcome.problem, outcome.error, started);
    return ruling ?? this.#from(index + 1);
  }

  #withDeadline(
    planned: PlannedHandler<H>,
    call: ConnectCall,
    pending: Promise<Answered<H>>,
  ): Promise<{ answer: Answered<H> } | { problem: 'threw' | 'timed-out'; error: unknown }> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(planned.timeout, () => {
        const error = new Error(`no answer within ${planned.timeout} ms`);
        resolve({ problem: 'timed-out', error });
        call.abort(error);
      });
      // A thenable that is no promise may throw out of its `then`; a promise of our own may not.
      Promise.resolve(pending).then(
        (answer) => {
          timer.stop();
          resolve({ answer });
        },
        (error: unknown) => {
          timer.stop();
          resolve({ problem: 'threw', error });
        },
      );
    });
  }

  /** The ruling that ends the asking, or undefined to go on. */
  #judge(planned: PlannedHandler<H>, answer: Answered<H>, started: number): Ruling | undefined {
    if (answer === undefined) return undefined;
    const fault = faultOf(this.#question.hook, answer, this.#question.recipients);
    if (fault !== undefined) {
      return this.#failed(planned, 'illegal-answer', new PosthouseError('plugin-invalid', fault), started);
    }
    if (answer.kind === 'continue') return undefined;
    const applied = planned.mode === 'enforce';
    if (answer.kind === 'per-recipient') {
      return this.#judgeRecipients(planned, answer, applied, started);
    }
    this.#announce(planned.plugin, answer, applied, started, this.#question.recipient);
    if (!applied) return undefined;
    const ruling: Ruling = { verdict: answer, plugin: planned.plugin };
    if (answer.kind !== 'accept') return ruling;
    this.#claim ??= ruling;
    return undefined;
  }

  /** The first veto for a recipient stands; once every recipient has one, nobody is left to ask about. */
  #judgeRecipients(
    planned: PlannedHandler<H>,
    answer: PerRecipient,
    applied: boolean,
    started: number,
  ): Ruling | undefined {
    for (const [recipient, verdict] of answer.verdicts as ReadonlyMap<Mailbox, RecipientVerdict>) {
      if (verdict.kind === 'continue') continue;
      this.#announce(planned.plugin, verdict, applied, started, recipient);
      if (!applied || verdict.kind === 'accept') continue;
      this.#perRecipient ??= new Map();
      if (!this.#perRecipient.has(recipient))
        this.#perRecipient.set(recipient, { verdict, plugin: planned.plugin });
    }
    const recipients = this.#question.recipients ?? [];
    const decided = this.#perRecipient;
    if (decided === undefined || !recipients.every((recipient) => decided.has(recipient))) return undefined;
    return this.#conclude();
  }

  #conclude(): Ruling {
    if (this.#claim !== undefined) return this.#claim;
    const verdict = silence[this.#question.hook];
    if (this.#events.wants('verdict-given', verdict.kind === 'accept')) {
      this.#announce(null, verdict, true, this.#clock.now(), this.#question.recipient);
    }
    return { verdict, plugin: null };
  }

  #failed(
    planned: PlannedHandler<H>,
    problem: 'threw' | 'timed-out' | 'illegal-answer',
    error: unknown,
    started: number,
  ): Ruling | undefined {
    this.#events.emit('handler-failed', {
      session: this.#question.session,
      hook: this.#question.hook,
      plugin: planned.plugin,
      problem,
      error: wordsOf(error),
      milliseconds: this.#clock.now() - started,
    });
    if (planned.mode === 'observe' || planned.onError === 'pass') return undefined;
    return { verdict: FAILURE, plugin: planned.plugin };
  }

  #announce(
    plugin: string | null,
    verdict: Accept | Veto,
    applied: boolean,
    started: number,
    recipient: Mailbox | undefined,
  ): void {
    if (!this.#events.wants('verdict-given', verdict.kind === 'accept')) return;
    const { hook, session, sender } = this.#question;
    this.#events.emit('verdict-given', {
      session,
      hook,
      plugin,
      verdict: verdict.kind,
      ...(verdict.reason !== undefined && { reason: verdict.reason }),
      ...('status' in verdict && { status: verdict.status }),
      ...('text' in verdict && { text: verdict.text }),
      applied,
      milliseconds: this.#clock.now() - started,
      ...(sender !== undefined && { sender: sender.toString() }),
      ...(recipient !== undefined && { recipient: recipient.toString() }),
    });
  }
}

/** Anything can be thrown, and some of it cannot be made a string. */
function wordsOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  return typeof error === 'object' ? 'something was thrown that is no Error' : String(error);
}
