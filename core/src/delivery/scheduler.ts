// The scheduler: takes due work from the store, lets the agenda choose what runs next, and gives it to the courier.
// Memory is bounded by the agenda's window; whatever does not fit waits in the store.

import { inject, injectable } from 'inversify';
import {
  BounceClassifier,
  Chance,
  Clock,
  DeliverySettings,
  EventSink,
  Identifiers,
  type Lane,
  Logger,
  type MessageBody,
  type MessageRecord,
  type QueueItem,
  QueueStore,
  ServerIdentity,
  type Timer,
} from '../contract/index.ts';
import { Routing } from '../hooks/index.ts';
import { Agenda, type Pending } from './agenda.ts';
import { agendaLimits } from './agenda-limits.ts';
import { Claims } from './claims.ts';
import { Courier } from './courier.ts';
import { Journal } from './journal.ts';
import type { LaneReport } from './lane-report.ts';
import { noticeTemplates } from './notice-template.ts';
import { NoticeWriter } from './notice-writer.ts';
import { overdue, type Reach } from './settlement.ts';
import { Standstill } from './standstill.ts';
import { recordFor } from './stored-message.ts';
import { Suspensions } from './suspensions.ts';
import { Sweeper } from './sweeper.ts';

/** Milliseconds that a lease lasts; renewed at half time. A dead server's work is free again after this at the latest. */
export const LEASE = 600_000;
/** Milliseconds between looks into the store for what has become due. */
const TICK = 1000;
/** Milliseconds between looks at lanes that wait for their pace: as late as an attempt may begin for it. */
const PACE_TICK = 20;
/** Items in one look: enough to stay busy, few enough for lanes to be closed in time. */
const BATCH = 100;
/** Attempts begun in one turn of the event loop: the sockets have their turn in between. */
const TURN = 64;

@injectable()
export class Scheduler {
  readonly #store: QueueStore;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #routing: Routing;
  readonly #agenda: Agenda;
  readonly #journal: Journal;
  readonly #courier: Courier;
  readonly #sweeper: Sweeper;
  readonly #suspensions: Suspensions;
  readonly #timers: Timer[] = [];
  #slotTimer: Timer | undefined;
  #paceTimer: Timer | undefined;
  #pumping = false;
  #refilling: Promise<void> | undefined;
  readonly #droppedMeanwhile = new Set<string>();
  readonly #standstill = new Standstill();
  /** There may be due items in the store that are not in memory. */
  #moreInStore = true;
  #stopping = false;

  constructor(
    @inject(QueueStore) store: QueueStore,
    @inject(Clock) clock: Clock,
    @inject(Chance) chance: Chance,
    @inject(Identifiers) identifiers: Identifiers,
    @inject(EventSink) events: EventSink,
    @inject(DeliverySettings) settings: DeliverySettings,
    @inject(ServerIdentity) identity: ServerIdentity,
    @inject(Routing) routing: Routing,
    @inject(BounceClassifier) classifier: BounceClassifier,
    @inject(Logger) log: Logger,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#routing = routing;
    this.#agenda = new Agenda(agendaLimits(settings, routing, chance, events));
    this.#journal = new Journal(store, clock, log);
    const { hostname } = identity;
    const claims = new Claims(routing, clock, log);
    const notices = new NoticeWriter({
      store,
      routing: claims,
      clock,
      identifiers,
      events,
      settings,
      templates: noticeTemplates(settings.notices ?? {}),
      hostname,
    });
    const services = {
      store,
      journal: this.#journal,
      clock,
      chance,
      identifiers,
      events,
      settings,
      routing,
      claims,
      classifier,
      notices,
      messagesPerConnection: (lane: Lane) => this.#agenda.messagesPerConnection(lane),
      shared: (lane: Lane) => this.#agenda.sharedConnections(lane),
      join: (pending: Pending, hosts: readonly string[]) =>
        this.#agenda.join(pending, hosts, this.#clock.now()),
      log,
    };
    this.#courier = new Courier(services, {
      finished: (pending, reach) => this.#finished(pending, reach),
      putOff: (pending) => {
        this.#agenda.putOff(pending, this.#clock.now());
        this.#pumpSoon();
      },
      written: (item, news) => this.#written(item, news),
    });
    this.#sweeper = new Sweeper(store, this, clock, events, log);
    this.#suspensions = new Suspensions(
      { store, journal: this.#journal, agenda: this.#agenda, clock, events, log },
      { back: (items) => this.#journal.record({ update: items }), resumed: () => this.wake() },
    );
  }

  /** Attempts under way. */
  get running(): number {
    return this.#courier.running;
  }

  /** Items that wait for nothing, as the last walk through the queue found them: 0, or there is a bug somewhere. */
  get withoutNextAction(): number {
    return this.#sweeper.withoutNextAction;
  }

  start(): void {
    this.#timers.push(
      this.#clock.every(TICK, () => {
        this.#agenda.refresh(this.#clock.now());
        this.#makeRoom();
        this.wake();
      }),
      this.#clock.every(LEASE / 2, () => {
        this.#store
          .renew(this.leaseUntil())
          .catch((error: unknown) => this.#storeTrouble('leases not renewed', error));
      }),
    );
    this.#sweeper.start();
    void this.#suspensions.start().then(() => this.wake());
  }

  /**
   * Takes no more work, waits for the running attempts until the deadline and aborts what is left; then gives back
   * every lease. Never rejects. @param deadline milliseconds since the epoch
   */
  async stop(deadline: number): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) timer.stop();
    this.#slotTimer?.stop();
    this.#paceTimer?.stop();
    this.#sweeper.stop();
    this.#suspensions.stop();
    await this.#refilling;
    this.#giveBack(this.#agenda.clear());
    await this.#courier.stop(deadline);
    this.#giveBack(this.#agenda.clear());
    await this.#journal.close();
  }

  /** Something has become due, or may have. */
  wake(): void {
    this.#moreInStore = true;
    this.#pumpSoon();
  }

  /** Whether these fresh items would be attempted soon: then commit them with `leaseUntil()` and `offer` them. */
  admits(items: readonly QueueItem[], bytes: number): boolean {
    if (this.#stopping || !this.#suspensions.known || this.#agenda.room < items.length) return false;
    const now = this.#clock.now();
    for (const item of items) {
      if (item.state !== 'waiting' || item.transport === null || !this.#agenda.admits(item, bytes, now))
        return false;
    }
    return true;
  }

  leaseUntil(): number {
    return this.#clock.now() + LEASE;
  }

  /** Fresh items, durable and leased to us: attempted from memory, without reading them back, after the caller's turn. */
  offer(message: MessageRecord, body: MessageBody, items: readonly QueueItem[]): void {
    // A body that the store keeps in a file is read from there when its turn has come.
    const kept = body.inMemory === undefined ? undefined : body;
    if (items.length === 1) this.#add({ item: items[0] as QueueItem, message, body: kept });
    else {
      const share = { users: 0 };
      for (const item of items) this.#add({ item, message, body: kept, share });
    }
    this.#pumpSoon();
  }

  /** Whether the item is in memory: waiting, running, or with an outcome that is not written yet. */
  holds(item: string): boolean {
    return this.#agenda.holds(item);
  }

  /** Resolves when every attempt that is under way now has ended. */
  whenAttemptsEnd(): Promise<void> {
    return this.#courier.whenEnded();
  }

  /** Whether the item is being attempted. */
  attempts(item: string): boolean {
    return this.#courier.carries(item);
  }

  /** Runs `act` while nothing new comes into memory: `seize` what it reads from the store before it changes it. */
  async whileStill<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await this.#standstill.run(() => this.#refilling, act);
    } finally {
      this.wake();
    }
  }

  /**
   * Whether an item that was read during this standstill may be changed: it is out of memory now, as it was read.
   * false: it is being attempted, or its outcome has been written meanwhile.
   */
  seize(item: QueueItem): boolean {
    if (this.#standstill.hasLeft(item.id)) return false;
    return this.#agenda.forget(item) || !this.#agenda.holds(item.id);
  }

  /**
   * Begins nothing in these lanes until they are resumed, also after a restart; what runs there ends. Durable when it
   * resolves.
   */
  suspend(lanes: readonly Lane[]): Promise<void> {
    return this.#suspensions.suspend(lanes);
  }

  /** Durable when it resolves. */
  resume(lanes: readonly Lane[]): Promise<void> {
    return this.#suspensions.resume(lanes);
  }

  /** The names of the transports that there are. */
  get transports(): readonly string[] {
    return this.#routing.names;
  }

  /** What a lane does, and what it waits for; undefined: nothing is known of it. */
  laneReport(lane: Lane): LaneReport | undefined {
    return this.#agenda.reportOf(lane, this.#clock.now());
  }

  /** Ends the rest of a lane. */
  wakeLane(lane: Lane): void {
    this.#agenda.wake(lane);
  }

  /**
   * Takes items out of the queue for good; durable when it resolves. What comes of those that are being attempted is
   * neither tried again nor bounced.
   */
  drop(items: readonly QueueItem[]): Promise<void> {
    for (const item of items) {
      // It may be among those that are just being taken.
      if (this.#refilling !== undefined) this.#droppedMeanwhile.add(item.id);
      if (!this.#agenda.forget(item)) this.#courier.disown(item.id);
    }
    return this.#journal.written({ remove: items });
  }

  /** Writes new states of items that were seized; durable when it resolves. */
  change(items: readonly QueueItem[]): Promise<void> {
    return this.#journal.written({ update: items });
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
    for (let begun = 0; ; ) {
      if (begun === TURN) {
        this.#pumpSoon();
        break;
      }
      const pending = this.#agenda.next(now);
      if (pending === undefined) break;
      begun += 1;
      this.#courier.carry(pending, now);
    }
    if (this.#agenda.slotFreeAt !== undefined) this.#waitForSlot(this.#agenda.slotFreeAt - now);
    if (this.#agenda.paced) this.#waitForPace();
    if (this.#agenda.takeReopened()) this.#moreInStore = true;
    // Free slots mean that nothing in memory may run: whatever waits here is of lanes that are busy.
    const wanted = this.#agenda.idle || this.#agenda.waiting < BATCH;
    const mayTake = this.#refilling === undefined && !this.#standstill.active;
    if (wanted && this.#moreInStore && mayTake && this.#agenda.room > 0) {
      this.#refilling = this.#refill().finally(() => {
        this.#refilling = undefined;
        this.#droppedMeanwhile.clear();
      });
    }
  }

  #waitForSlot(milliseconds: number): void {
    if (this.#slotTimer !== undefined) return;
    this.#slotTimer = this.#clock.after(Math.max(0, milliseconds), () => {
      this.#slotTimer = undefined;
      this.#makeRoom();
      this.#pumpSoon();
    });
  }

  #waitForPace(): void {
    this.#paceTimer ??= this.#clock.after(PACE_TICK, () => {
      this.#paceTimer = undefined;
      this.#agenda.paceOn();
      this.#pumpSoon();
    });
  }

  /** Slots that a slow destination has taken are free for others as soon as it counts as slow. */
  #makeRoom(): void {
    this.#giveBack(this.#agenda.makeRoom(this.#clock.now()));
  }

  async #refill(): Promise<void> {
    const now = this.#clock.now();
    const limit = Math.min(BATCH, this.#agenda.room);
    this.#moreInStore = false;
    try {
      const leaseUntil = this.leaseUntil();
      const taken = await this.#store.take({ now, limit, leaseUntil, ...this.#agenda.wanted(now) });
      if (taken.length === limit) this.#moreInStore = true;
      for (const { item, message } of taken) {
        if (!this.#droppedMeanwhile.has(item.id))
          this.#add({ item, message: recordFor(message, item.recipients), body: undefined });
      }
      if (taken.length > 0) this.#pumpSoon();
    } catch (error) {
      this.#storeTrouble('due items not taken', error);
    }
  }

  #add(pending: Pending): void {
    const { item } = pending;
    const now = this.#clock.now();
    const notBefore = this.#stopping ? item.due : this.#agenda.add(pending, now);
    if (notBefore === undefined) return;
    // What has expired waits for nothing any more.
    const kept =
      !this.#stopping && now >= item.expires
        ? overdue(item, now)
        : { ...item, due: Math.min(notBefore, item.expires) };
    this.#journal.record({ update: [kept] });
  }

  /** The slot is free. */
  #finished(pending: Pending, reach: Reach): void {
    this.#giveBack(this.#agenda.finish(pending, reach, this.#clock.now()));
    this.#pumpSoon();
  }

  /** The outcome is durable. @param news other items are in the store since, and due */
  #written(item: string, news: boolean): void {
    this.#agenda.release(item);
    this.#standstill.left(item);
    if (news) this.wake();
  }

  #giveBack(pendings: readonly Pending[]): void {
    if (pendings.length > 0) this.#journal.record({ update: pendings.map(({ item }) => item) });
  }

  #storeTrouble(what: string, error: unknown): void {
    this.#log.error({ error: error instanceof Error ? error.message : String(error) }, what);
  }
}
