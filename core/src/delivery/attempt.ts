// One attempt: hands one item to its transport and gathers an outcome for every recipient, whatever the transport
// does. A throw, a time-out and nonsense answer "deferred". Not for: what follows from the outcomes (settlement.ts).

import {
  type Clock,
  type Deferred,
  type Delivery,
  type EventSink,
  type Exchange,
  type Lane,
  type Logger,
  Outcome,
  type QueueItem,
  type QueueStore,
  type Recipient,
  type SharedConnections,
  type StoredMessage,
} from '../contract/index.ts';
import type { Transport } from '../hooks/index.ts';
import { mailbox, type ReversePath } from '../smtp/index.ts';
import type { Pending } from './agenda.ts';
import type { Journal } from './journal.ts';
import { faultOfOutcome, revived } from './outcome-check.ts';
import { type Outcomes, withSettled } from './settlement.ts';
import { QueuedMessage } from './stored-message.ts';
import { wordsOf } from './trouble.ts';

export interface AttemptServices {
  readonly store: QueueStore;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly events: EventSink;
  /** As Delivery.messagesPerConnection. */
  messagesPerConnection(lane: Lane): number | undefined;
  /** As Delivery.shared. */
  shared(lane: Lane): SharedConnections | undefined;
  /** As Delivery.through. */
  join(pending: Pending, hosts: readonly string[]): boolean;
}

type Problem = 'threw' | 'timed-out' | 'illegal-answer';

const FAILED: Deferred = Outcome.deferred('4.3.0', 'Internal error in the delivery');
const NO_PARAMETERS: Recipient['parameters'] = Object.freeze({});

export class Attempt implements Delivery {
  readonly recipients: readonly Recipient[];
  readonly message: StoredMessage;
  readonly #pending: Pending;
  readonly #item: QueueItem;
  readonly #transport: Transport;
  readonly #services: AttemptServices;
  readonly #startedAt: number;
  /** By the index in `item.recipients`. */
  readonly #outcomes: (Outcome | undefined)[] = [];
  /** Of each of `recipients`, its index in `item.recipients`. */
  readonly #places: number[] = [];
  #fault: string | undefined;
  #controller: AbortController | undefined;
  #aborted: Error | undefined;
  #log: Logger | undefined;
  #putOff = false;
  #over = false;

  /** Throws when the item cannot be read: an address that is none. */
  constructor(pending: Pending, transport: Transport, services: AttemptServices, startedAt: number) {
    const { item, message, body } = pending;
    this.#pending = pending;
    this.#item = item;
    this.#transport = transport;
    this.#services = services;
    this.#startedAt = startedAt;
    this.message = new QueuedMessage(message, body, services.store);
    const recipients: Recipient[] = [];
    for (const { address, parameters = NO_PARAMETERS, settled } of item.recipients) {
      if (settled === undefined) {
        this.#places.push(this.#outcomes.length);
        recipients.push({ address: mailbox(address), parameters });
      }
      this.#outcomes.push(settled && revived(settled));
    }
    this.recipients = recipients;
  }

  get id(): string {
    return this.#item.id;
  }

  get destination(): string {
    return this.#item.destination;
  }

  get attempt(): number {
    return this.#item.attempts + 1;
  }

  get sender(): ReversePath {
    return this.message.sender;
  }

  /** Some recipient has no outcome from before: the transport is asked. */
  get asks(): boolean {
    return this.#places.length > 0;
  }

  /** It was none: there was no room, and nobody was asked. */
  get wasPutOff(): boolean {
    return this.#putOff && this.#places.every((place) => this.#outcomes[place] === undefined);
  }

  through(hosts: readonly string[]): boolean {
    if (this.#over || this.#services.join(this.#pending, hosts)) return true;
    this.#putOff = true;
    return false;
  }

  get messagesPerConnection(): number | undefined {
    return this.#services.messagesPerConnection(this.#item);
  }

  get shared(): SharedConnections | undefined {
    return this.#services.shared(this.#item);
  }

  get log(): Logger {
    this.#log ??= this.#transport.log.child({ item: this.id, message: this.message.id });
    return this.#log;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  }

  /** At once where the transport answers at once. Never throws or rejects. @param timeout milliseconds */
  run(timeout: number): Outcomes | Promise<Outcomes> {
    if (this.recipients.length === 0) return this.#conclude(undefined);
    try {
      const answer = this.#transport.handler.deliver(this);
      if (typeof (answer as PromiseLike<unknown> | undefined)?.then !== 'function') {
        return this.#conclude(answer as Outcome | undefined);
      }
      return this.#within(timeout, Promise.resolve(answer as PromiseLike<Outcome | undefined>));
    } catch (error) {
      return this.#fail('threw', error);
    }
  }

  /** Tells the transport, if it listens, that its time is up. */
  abort(reason: Error): void {
    this.#aborted = reason;
    this.#controller?.abort(reason);
  }

  /** Ends the attempt without the transport. @returns the item with what was settled until now */
  cut(): QueueItem {
    this.#over = true;
    return withSettled(this.#item, this.#outcomes);
  }

  report(exchange: () => Exchange): void {
    const { events } = this.#services;
    if (!events.wants('exchange-finished')) return;
    const { id, message } = this;
    events.emit('exchange-finished', {
      item: id,
      message: message.id,
      transport: this.#transport.plugin,
      ...exchange(),
    });
  }

  /** Bound, because transports like to take it out of the delivery. */
  readonly settle = (recipient: Recipient, outcome: Outcome): Promise<void> => {
    const settled = this.#settle(recipient, outcome);
    // A transport that does not wait for it must not bring the process down.
    settled.catch(() => undefined);
    return settled;
  };

  async #settle(recipient: Recipient, outcome: Outcome): Promise<void> {
    if (this.#over) throw new Error('settle came after the attempt was over');
    const place = this.#places[this.recipients.indexOf(recipient)];
    const fault = place === undefined ? 'settle takes a recipient of this delivery' : faultOfOutcome(outcome);
    if (place === undefined || fault !== undefined) {
      this.#fault ??= fault;
      throw new TypeError(fault);
    }
    const before = this.#outcomes[place];
    // What is durable stays: a recipient that was delivered must not be attempted again.
    if (before !== undefined && before.kind !== 'deferred')
      throw new TypeError('the recipient is settled already');
    this.#outcomes[place] = outcome;
    // That a recipient waits is what the queue says of it anyway.
    if (outcome.kind === 'deferred') return;
    await this.#services.journal.written({ progress: [withSettled(this.#item, this.#outcomes)] });
  }

  #within(timeout: number, answer: Promise<Outcome | undefined>): Promise<Outcomes> {
    return new Promise((resolve) => {
      const timer = this.#services.clock.after(timeout, () => {
        if (this.#over) return;
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

  #conclude(answer: Outcome | undefined | null): Outcomes {
    if (this.#fault !== undefined) return this.#fail('illegal-answer', new Error(this.#fault));
    const complete = this.#outcomes.every((outcome) => outcome !== undefined);
    if (answer === undefined || answer === null) {
      if (!complete)
        return this.#fail(
          'illegal-answer',
          new Error('deliver returned nothing, and not every recipient was settled'),
        );
    } else {
      const fault = faultOfOutcome(answer);
      if (fault !== undefined) return this.#fail('illegal-answer', new Error(fault));
    }
    this.#over = true;
    return complete
      ? (this.#outcomes as Outcome[])
      : this.#outcomes.map((outcome) => outcome ?? (answer as Outcome));
  }

  #fail(problem: Problem, error: unknown): Outcomes {
    this.#over = true;
    this.#putOff = false;
    this.#services.events.emit('handler-failed', {
      item: this.id,
      hook: 'on-deliver',
      plugin: this.#transport.plugin,
      problem,
      error: wordsOf(error),
      milliseconds: this.#services.clock.now() - this.#startedAt,
    });
    return this.#outcomes.map((outcome) => outcome ?? FAILED);
  }
}
