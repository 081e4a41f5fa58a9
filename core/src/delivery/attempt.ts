// One attempt: hands one item to its transport and gathers an outcome for every recipient, whatever the transport
// does. A throw, a time-out and nonsense answer "deferred". Not for: what follows from the outcomes (settlement.ts).

import {
  type Clock,
  type Deferred,
  type Delivery,
  type EventSink,
  type Logger,
  Outcome,
  PosthouseError,
  type QueuedRecipient,
  type QueueStore,
  type Recipient,
  type StoredMessage,
} from '../contract/index.ts';
import type { Transport } from '../hooks/index.ts';
import { mailbox, type ReversePath } from '../smtp/index.ts';
import type { Pending } from './agenda.ts';
import { faultOfOutcome } from './outcome-check.ts';
import { storedMessage } from './stored-message.ts';

export interface AttemptServices {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly events: EventSink;
}

/** An outcome for each of `item.recipients`, in their order. */
export type Outcomes = readonly Outcome[];

const FAILED: Deferred = Outcome.deferred('4.3.0', 'Internal error in the delivery');

export class Attempt implements Delivery {
  readonly id: string;
  readonly destination: string;
  readonly attempt: number;
  readonly sender: ReversePath;
  readonly recipients: readonly Recipient[];
  readonly message: StoredMessage;
  readonly #pending: Pending;
  readonly #transport: Transport;
  readonly #services: AttemptServices;
  readonly #startedAt: number;
  /** By the index in `item.recipients`. */
  readonly #outcomes: (Outcome | undefined)[];
  readonly #indexOf = new Map<Recipient, number>();
  #controller: AbortController | undefined;
  #log: Logger | undefined;
  #over = false;

  constructor(pending: Pending, transport: Transport, services: AttemptServices) {
    const { item, message, body } = pending;
    this.#pending = pending;
    this.#transport = transport;
    this.#services = services;
    this.#startedAt = services.clock.now();
    this.id = item.id;
    this.destination = item.destination;
    this.attempt = item.attempts + 1;
    this.message = storedMessage(message, body, services.store);
    this.sender = this.message.sender;
    this.#outcomes = item.recipients.map(({ settled }) => settled);
    const recipients: Recipient[] = [];
    item.recipients.forEach(({ address, parameters, settled }, index) => {
      if (settled !== undefined) return;
      const recipient = { address: mailbox(address), parameters: parameters ?? {} };
      this.#indexOf.set(recipient, index);
      recipients.push(recipient);
    });
    this.recipients = recipients;
  }

  get log(): Logger {
    this.#log ??= this.#transport.log.child({ item: this.id, message: this.message.id });
    return this.#log;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  /** At once where the transport answers at once. Never rejects. */
  run(timeout: number): Outcomes | Promise<Outcomes> {
    if (this.recipients.length === 0) return this.#conclude(undefined);
    try {
      const answer = this.#transport.handler.deliver(this);
      if (typeof (answer as PromiseLike<unknown> | undefined)?.then !== 'function') {
        return this.#conclude(answer as Outcome | undefined);
      }
      return this.#within(timeout, answer as Promise<Outcome | undefined>);
    } catch (error) {
      return this.#fail('threw', error);
    }
  }

  /** The server stops: whatever has no outcome yet is deferred. */
  abort(reason: Error): void {
    this.#controller?.abort(reason);
  }

  async settle(recipient: Recipient, outcome: Outcome): Promise<void> {
    const index = this.#indexOf.get(recipient);
    if (index === undefined) throw new PosthouseError('plugin-invalid', 'settle takes a recipient of this delivery');
    const fault = faultOfOutcome(outcome);
    if (fault !== undefined) throw new PosthouseError('plugin-invalid', fault);
    if (this.#over) throw new PosthouseError('plugin-invalid', 'settle came after the attempt was over');
    this.#outcomes[index] = outcome;
    // The last outcome becomes durable with the whole item, right away; a deferral changes nothing durable.
    if (outcome.kind === 'deferred' || this.recipients.length === 1) return;
    await this.#services.store.commit({ progress: [this.#withSettled()] });
  }

  #withSettled(): Pending['item'] {
    const { item } = this.#pending;
    const recipients = item.recipients.map((recipient, index): QueuedRecipient => {
      const outcome = this.#outcomes[index];
      return outcome === undefined || outcome.kind === 'deferred' ? recipient : { ...recipient, settled: outcome };
    });
    return { ...item, recipients };
  }

  #within(timeout: number, answer: Promise<Outcome | undefined>): Promise<Outcomes> {
    return new Promise((resolve) => {
      const timer = this.#services.clock.after(timeout, () => {
        const error = new Error(`no outcome within ${timeout} ms`);
        resolve(this.#fail('timed-out', error));
        this.abort(error);
      });
      answer.then(
        (outcome) => {
          timer.stop();
          if (!this.#over) resolve(this.#conclude(outcome));
        },
        (error: unknown) => {
          timer.stop();
          if (!this.#over) resolve(this.#fail('threw', error));
        },
      );
    });
  }

  #conclude(answer: Outcome | undefined): Outcomes {
    const complete = this.#outcomes.every((outcome) => outcome !== undefined);
    if (answer === undefined || answer === null) {
      if (!complete) return this.#fail('illegal-answer', new Error('deliver returned nothing, but not every recipient was settled'));
    } else {
      const fault = faultOfOutcome(answer);
      if (fault !== undefined) return this.#fail('illegal-answer', new Error(fault));
    }
    this.#over = true;
    return complete ? (this.#outcomes as Outcome[]) : this.#outcomes.map((outcome) => outcome ?? (answer as Outcome));
  }

  #fail(problem: 'threw' | 'timed-out' | 'illegal-answer', error: unknown): Outcomes {
    this.#over = true;
    this.#services.events.emit('handler-failed', {
      item: this.id,
      hook: 'on-deliver',
      plugin: this.#transport.plugin,
      problem,
      error: error instanceof Error ? error.message : String(error),
      milliseconds: this.#services.clock.now() - this.#startedAt,
    });
    return this.#outcomes.map((outcome) => outcome ?? FAILED);
  }
}
