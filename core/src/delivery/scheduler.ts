// The scheduler: takes due work from the store, lets the agenda choose, runs attempts and writes back what came of
// them. Memory is bounded by the agenda's window; whatever does not fit waits in the store.

import { inject, injectable } from 'inversify';
import {
  Chance,
  Clock,
  DeliverySettings,
  EventSink,
  Identifiers,
  type Lane,
  Logger,
  type MessageBody,
  type MessageRecord,
  type NewMessage,
  Outcome,
  type QueueChange,
  type QueueItem,
  QueueStore,
  ServerIdentity,
  type Timer,
} from '../contract/index.ts';
import { groupByRoute, Routing, type Transport } from '../hooks/index.ts';
import { mailbox } from '../smtp/index.ts';
import { Agenda, type Pending } from './agenda.ts';
import { Attempt, type Outcomes } from './attempt.ts';
import { BounceWriter } from './bounce-writer.ts';
import { type RedirectedRecipient, redirectedRecipient, refusedOutcomes, type Settlement, settlementOf } from './settlement.ts';
import { notesOf } from './stored-message.ts';

/** Milliseconds that a lease lasts; renewed at half time. A dead server's work is free again after this at the latest. */
const LEASE = 600_000;
/** Milliseconds between looks into the store for what has become due. */
const TICK = 1000;
/** Items in one look: enough to stay busy, few enough for lanes to be closed in time. */
const BATCH = 250;
/** Milliseconds before a change that the store could not take is tried again. */
const COMMIT_RETRY = 5000;

const NO_ROUTE_OUTCOME = Outcome.deferred('4.4.4', 'No plugin carries mail for this address');

@injectable()
export class Scheduler {
  readonly #store: QueueStore;
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #identifiers: Identifiers;
  readonly #events: EventSink;
  readonly #settings: DeliverySettings;
  readonly #routing: Routing;
  readonly #log: Logger;
  readonly #agenda: Agenda;
  readonly #bounces: BounceWriter;
  readonly #attempts = new Set<Attempt>();
  #running = 0;
  #pumping = false;
  #taking = false;
  #moreInStore = true;
  #stopping = false;
  #whenQuiet: (() => void) | undefined;
  readonly #timers: Timer[] = [];
  /** Changes on their way into the store, tried again until it takes them. */
  readonly #commits = new Set<Promise<void>>();

  constructor(
    @inject(QueueStore) store: QueueStore,
    @inject(Clock) clock: Clock,
    @inject(Chance) chance: Chance,
    @inject(Identifiers) identifiers: Identifiers,
    @inject(EventSink) events: EventSink,
    @inject(DeliverySettings) settings: DeliverySettings,
    @inject(ServerIdentity) identity: ServerIdentity,
    @inject(Routing) routing: Routing,
    @inject(Logger) log: Logger,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#chance = chance;
    this.#identifiers = identifiers;
    this.#events = events;
    this.#settings = settings;
    this.#routing = routing;
    this.#log = log;
    this.#agenda = new Agenda({
      window: settings.window,
      windowBytes: settings.windowBytes,
      laneConcurrency: (name) =>
        (name === null ? undefined : routing.transport(name)?.handler.laneConcurrency) ?? settings.laneConcurrency,
    });
    const { hostname } = identity;
    this.#bounces = new BounceWriter({ store, routing, clock, identifiers, events, settings, hostname });
  }

  /** Attempts under way. */
  get running(): number {
    return this.#running;
  }

  start(): void {
    this.#timers.push(
      this.#clock.every(TICK, () => {
        this.#agenda.refresh(this.#clock.now());
        this.wake();
      }),
      this.#clock.every(LEASE / 2, () => {
        this.#store.renew(this.leaseUntil()).catch((error: unknown) => this.#storeTrouble('leases not renewed', error));
      }),
    );
    this.wake();
  }

  /**
   * Takes no more work, waits for the running attempts until the deadline and aborts what is left; then gives back
   * every lease. @param deadline milliseconds since the epoch
   */
  async stop(deadline: number): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) timer.stop();
    const left = this.#agenda.clear().map(({ item }) => item);
    if (left.length > 0) await this.#store.commit({ update: left }).catch((error: unknown) => this.#storeTrouble('leases not given back', error));
    await this.#quiet(deadline);
    await Promise.all(this.#commits);
  }

  /** Something has become due, or may have. */
  wake(): void {
    this.#moreInStore = true;
    this.#pumpSoon();
  }

  /** Whether these fresh items would be attempted soon: then commit them with `leaseUntil()` and `offer` them. */
  admits(items: readonly QueueItem[], bytes: number): boolean {
    if (this.#stopping || this.#agenda.room < items.length) return false;
    const now = this.#clock.now();
    return items.every(({ state, transport, destination }) => {
      return state === 'waiting' && transport !== null && this.#agenda.admits({ transport, destination }, bytes, now);
    });
  }

  leaseUntil(): number {
    return this.#clock.now() + LEASE;
  }

  /** Fresh items, durable and leased to us: attempted from memory, without reading them back. */
  offer(message: MessageRecord, body: MessageBody, items: readonly QueueItem[]): void {
    // A body that the store keeps in a file is read from there when its turn has come.
    const kept = body.inMemory === undefined ? undefined : body;
    for (const item of items) this.#agenda.add({ item, message, body: kept });
    this.#pumpSoon();
  }

  /** Whether the item is in memory, waiting or running. */
  holds(item: string): boolean {
    return this.#agenda.holds(item);
  }

  /** Takes a waiting item out of memory: it was dropped. */
  forget(item: string): void {
    this.#agenda.forget(item);
  }

  /** Ends the rest of a lane. */
  wakeLane(lane: Lane): void {
    this.#agenda.wake(lane);
  }

  #pumpSoon(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    // Not in the caller's turn: what arrives in one turn of the event loop is looked at together.
    setImmediate(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#stopping) return;
    const now = this.#clock.now();
    while (this.#running < this.#settings.concurrency) {
      const pending = this.#agenda.next(now);
      if (pending === undefined) break;
      this.#running += 1;
      this.#attempt(pending);
    }
    if (this.#moreInStore && !this.#taking && this.#agenda.room > 0 && this.#agenda.waiting < BATCH) void this.#refill();
  }

  async #refill(): Promise<void> {
    this.#taking = true;
    const now = this.#clock.now();
    const limit = Math.min(BATCH, this.#agenda.room);
    try {
      const except = this.#agenda.closed(now);
      const taken = await this.#store.take({ now, limit, leaseUntil: this.leaseUntil(), except });
      this.#moreInStore = taken.length === limit;
      for (const { item, message } of taken) this.#agenda.add({ item, message, body: undefined });
      // Stopped meanwhile: what has just been taken goes back.
      if (this.#stopping && taken.length > 0) await this.#store.commit({ update: this.#agenda.clear().map(({ item }) => item) });
      if (taken.length > 0) this.#pumpSoon();
    } catch (error) {
      this.#moreInStore = false;
      this.#storeTrouble('due items not taken', error);
    } finally {
      this.#taking = false;
    }
  }

  /** Runs one attempt to its end. Whatever goes wrong ends this attempt and no other. */
  #attempt(pending: Pending): void {
    const { item, message } = pending;
    const startedAt = this.#clock.now();
    const transport = item.transport === null ? undefined : this.#routing.transport(item.transport);
    if (item.reason.kind === 'refused') {
      return this.#settle(pending, refusedOutcomes(item, item.reason.status, item.reason.text), startedAt);
    }
    if (transport === undefined) {
      void this.#reroute(pending, startedAt);
      return;
    }
    if (this.#events.wants('attempt-started')) {
      const { id, destination, attempts } = item;
      this.#events.emit('attempt-started', { item: id, message: message.id, transport: transport.plugin, destination, attempt: attempts + 1 });
    }
    const outcomes = this.#deliver(pending, transport);
    if (outcomes instanceof Promise) void outcomes.then((ready) => this.#settle(pending, ready, startedAt));
    else this.#settle(pending, outcomes, startedAt);
  }

  #deliver(pending: Pending, transport: Transport): Outcomes | Promise<Outcomes> {
    const services = { store: this.#store, clock: this.#clock, events: this.#events };
    try {
      const attempt = new Attempt(pending, transport, services);
      const outcomes = attempt.run(transport.handler.timeout ?? this.#settings.attemptTimeout);
      if (!(outcomes instanceof Promise)) return outcomes;
      this.#attempts.add(attempt);
      return outcomes.finally(() => this.#attempts.delete(attempt));
    } catch (error) {
      // An item that cannot even be read into an attempt: it waits, named, and does not stop the others.
      this.#log.error({ item: pending.item.id, error: String(error) }, 'item cannot be attempted');
      return pending.item.recipients.map(() => Outcome.deferred('4.3.0', 'The queued item cannot be read'));
    }
  }

  /** Nobody carries the item, or not any more: its recipients are claimed anew. */
  async #reroute(pending: Pending, startedAt: number): Promise<void> {
    const { item, message } = pending;
    const sender = message.sender === '' ? null : mailbox(message.sender);
    const routes = await Promise.all(
      item.recipients.map(({ address, redirectedBy = [] }) =>
        this.#routing.route(mailbox(address), { sender, notes: notesOf(message), redirectedBy }),
      ),
    );
    const groups = groupByRoute(item.recipients, routes);
    if (groups.every(({ route }) => route.transport === null)) {
      const unrouted: Pending = { ...pending, item: { ...item, transport: null, destination: '' } };
      return this.#settle(pending, item.recipients.map(() => NO_ROUTE_OUTCOME), startedAt, unrouted.item);
    }
    const add = groups.map(({ route, recipients }): QueueItem => ({ ...item, id: this.#identifiers.next(), ...route, recipients }));
    this.#finish(pending, false);
    this.#commit({ add, remove: [item] });
  }

  #settle(pending: Pending, outcomes: Outcomes, startedAt: number, item = pending.item): void {
    const now = this.#clock.now();
    const settlement = settlementOf(item, outcomes, now, this.#settings, this.#chance.next());
    this.#announce(pending, outcomes, settlement, now - startedAt);
    if (settlement.failed.length === 0 && settlement.redirected.length === 0) {
      this.#finish(pending, settlement.unreachable);
      this.#commit(settlement.remaining === undefined ? { remove: [item] } : { update: [settlement.remaining] });
      return;
    }
    void this.#settleWithNews(pending, item, settlement);
  }

  /** Bounces and redirections make new messages and items: all in the change that ends the old ones. */
  async #settleWithNews(pending: Pending, item: QueueItem, settlement: Settlement): Promise<void> {
    const { remaining, failed, redirected, unreachable } = settlement;
    try {
      const bounce = failed.length === 0 ? undefined : await this.#bounces.write(pending, failed);
      const add = redirected.length === 0 ? [] : await this.#redirectedItems(pending, redirected);
      this.#commit({
        ...(bounce && { put: [bounce] }),
        add,
        ...(remaining === undefined ? { remove: [item] } : { update: [remaining] }),
      }, bounce);
    } catch (error) {
      // The bounce could not be drafted: the item stays as it was and is attempted again when the lease has run out.
      this.#storeTrouble('outcome not written', error);
    } finally {
      this.#finish(pending, unreachable);
    }
  }

  async #redirectedItems({ item, message }: Pending, redirected: readonly RedirectedRecipient[]): Promise<QueueItem[]> {
    const about = { sender: message.sender === '' ? null : mailbox(message.sender), notes: notesOf(message) };
    const now = this.#clock.now();
    const routes = await Promise.all(
      redirected.map(({ to, redirectedBy }) => this.#routing.route(to, { ...about, redirectedBy })),
    );
    return groupByRoute(redirected.map(redirectedRecipient), routes).map(({ route, recipients }): QueueItem => ({
      id: this.#identifiers.next(),
      message: message.id,
      ...route,
      recipients,
      state: 'waiting',
      reason: route.transport === null ? { kind: 'no-route' } : { kind: 'fresh' },
      attempts: 0,
      due: now,
      expires: item.expires,
    }));
  }

  /** The slot is free; lanes that rest give their waiting items back to the store. */
  #finish(pending: Pending, unreachable: boolean): void {
    this.#running -= 1;
    const back = this.#agenda.done(pending, unreachable, this.#clock.now());
    if (back.length > 0) this.#commit({ update: back.map(({ item }) => item) });
    if (this.#running === 0 && this.#whenQuiet) this.#whenQuiet();
    this.#pumpSoon();
  }

  /** Writes a change, again and again until the store takes it. */
  #commit(change: QueueChange, bounce?: NewMessage): void {
    const written = this.#store.commit(change).then(
      () => {
        if (bounce !== undefined || (change.add?.length ?? 0) > 0) this.wake();
      },
      (error: unknown) => {
        this.#storeTrouble('outcome not written, will be tried again', error);
        // When the server stops before, the items come up again after the restart: late, or twice, but not lost.
        if (!this.#stopping) this.#clock.after(COMMIT_RETRY, () => this.#commit(change, bounce));
      },
    );
    this.#commits.add(written);
    void written.finally(() => this.#commits.delete(written));
  }

  #quiet(deadline: number): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.after(Math.max(0, deadline - this.#clock.now()), () => {
        for (const attempt of this.#attempts) attempt.abort(new Error('the server stops'));
        resolve();
      });
      this.#whenQuiet = () => {
        timer.stop();
        resolve();
      };
    });
  }

  #announce(pending: Pending, outcomes: Outcomes, { remaining }: Settlement, milliseconds: number): void {
    const { item, message } = pending;
    const { id, transport, destination, attempts, recipients } = item;
    const attempt = attempts + 1;
    if (this.#events.wants('recipient-settled')) {
      recipients.forEach(({ address }, index) => {
        const outcome = outcomes[index] as Outcome;
        this.#events.emit('recipient-settled', { item: id, message: message.id, recipient: address, outcome, attempt });
      });
    }
    if (!this.#events.wants('attempt-finished')) return;
    const kinds = new Set(outcomes.map(({ kind }) => kind));
    this.#events.emit('attempt-finished', {
      item: id,
      message: message.id,
      transport,
      destination,
      attempt,
      milliseconds,
      outcome: kinds.size === 1 ? (outcomes[0] as Outcome).kind : 'mixed',
      ...(remaining !== undefined && { next: remaining.due }),
    });
  }

  #storeTrouble(what: string, error: unknown): void {
    this.#log.error({ error: error instanceof Error ? error.message : String(error) }, what);
  }
}
