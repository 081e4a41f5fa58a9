// The queue in the operator's hand: looking at it, reading a message, changing items. Safe while the scheduler works:
// what is being delivered is left alone and named. Not for: what each act makes of an item (queue-acts.ts).

import type {
  Clock,
  DeliverySettings,
  EventSink,
  Lane,
  QueueEntry,
  QueueFilter,
  QueueItem,
  QueuePage,
  QueueStore,
} from '../contract/index.ts';
import type { Routing } from '../hooks/index.ts';
import { ACTION_OF, afterAct, concerns, type QueueAct } from './queue-acts.ts';
import { QueueCount, type QueueSummary } from './queue-summary.ts';
import type { Scheduler } from './scheduler.ts';
import { headerOnly, QueuedMessage } from './stored-message.ts';

/** Items that one change of the queue takes along. */
const PAGE = 500;
/** Entries that a plan shows. */
const SAMPLE = 100;

export interface QueueControlServices {
  readonly store: QueueStore;
  readonly scheduler: Scheduler;
  readonly routing: Pick<Routing, 'transport'>;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly settings: Pick<DeliverySettings, 'expireAfter'>;
}

/** What an act would do. */
export interface QueuePlan {
  readonly count: number;
  /** The first of them. */
  readonly entries: readonly QueueEntry[];
}

/** What an act has done. */
export interface QueueReport {
  readonly count: number;
  /** Items that were being delivered at that moment. They were left alone; what was dropped may still arrive. */
  readonly busy: readonly string[];
}

/** The act cannot be done as it was asked for; nothing has changed. */
export class QueueActRefused extends Error {}

export class QueueControl {
  readonly #services: QueueControlServices;

  constructor(services: QueueControlServices) {
    this.#services = services;
  }

  list(filter: QueueFilter, limit: number, after?: string): Promise<QueuePage> {
    return this.#services.store.find(filter, limit, after);
  }

  /** Figures by destination. Walks through the queue page by page, so that a long one takes no more memory. */
  async summary(filter: QueueFilter): Promise<QueueSummary> {
    const counted = new QueueCount(this.#services.clock.now());
    for await (const entries of this.#pages(filter)) for (const entry of entries) counted.add(entry);
    // A destination is shown as long as it is suspended, mail or not.
    const { store, scheduler } = this.#services;
    for (const lane of await store.suspended()) {
      if ((filter.destination ?? lane.destination) !== lane.destination) continue;
      if ((filter.transport ?? lane.transport) === lane.transport) counted.include(lane);
    }
    return counted.summary((lane) => scheduler.laneReport(lane));
  }

  /** By the id of an item, or of a message: then its first item. */
  async show(id: string): Promise<QueueEntry | undefined> {
    const { store } = this.#services;
    const [byItem] = (await store.find({ item: id }, 1)).entries;
    return byItem ?? (await store.find({ message: id }, 1)).entries[0];
  }

  /** Whether the item is being delivered at the moment. */
  inDelivery(item: string): boolean {
    return this.#services.scheduler.attempts(item);
  }

  /** The message octet for octet, or its header section with the empty line that ends it. */
  content({ message }: QueueEntry, part: 'message' | 'header'): AsyncIterable<Uint8Array> {
    const octets = new QueuedMessage(message, undefined, this.#services.store).open();
    return part === 'message' ? octets : headerOnly(octets);
  }

  /** What `act` would do, without doing it. Rejects with QueueActRefused. */
  async plan(filter: QueueFilter, act: QueueAct): Promise<QueuePlan> {
    const { count, entries } = await this.#look(filter, act);
    return { count, entries };
  }

  /**
   * Begins nothing for a destination until it is resumed, whatever plugin carries mail there, or only the one that is
   * named. Durable. @returns the lanes; none where no plugin of that name carries mail
   */
  async suspend(destination: string, transport?: string): Promise<readonly Lane[]> {
    const { transports } = this.#services.scheduler;
    if (transport !== undefined && !transports.includes(transport)) return [];
    const lanes = (transport === undefined ? transports : [transport]).map((name) => ({
      transport: name,
      destination,
    }));
    await this.#services.scheduler.suspend(lanes);
    return lanes;
  }

  /** @returns the lanes that were suspended */
  async resume(destination: string, transport?: string): Promise<readonly Lane[]> {
    const lanes = (await this.#services.store.suspended()).filter(
      (lane) => lane.destination === destination && (transport === undefined || lane.transport === transport),
    );
    if (lanes.length > 0) await this.#services.scheduler.resume(lanes);
    return lanes.map((lane) => ({ transport: lane.transport, destination }));
  }

  /**
   * Durable when it resolves. Items that come into the queue meanwhile are not touched. Rejects with QueueActRefused,
   * also where more than `most` items are concerned.
   */
  async act(filter: QueueFilter, act: QueueAct, most = Number.POSITIVE_INFINITY): Promise<QueueReport> {
    const { count: planned, last } = await this.#look(filter, act);
    if (planned > most) throw new QueueActRefused(`${planned} items fit, which is more than ${most}`);
    const busy: string[] = [];
    let count = 0;
    let after: string | undefined;
    do {
      const page = await this.#services.scheduler.whileStill(async () => {
        const found = await this.#services.store.find(filter, PAGE, after);
        const entries = found.entries.filter(({ item }) => last !== undefined && item.id <= last);
        count += await this.#change(
          entries.filter(({ item }) => concerns(act, item)),
          act,
          busy,
        );
        return { next: found.next, whole: entries.length === found.entries.length };
      });
      after = page.whole ? page.next : undefined;
    } while (after !== undefined);
    return { count, busy };
  }

  /** Goes through whatever the act concerns, and holds the act against it. */
  async #look(filter: QueueFilter, act: QueueAct): Promise<QueuePlan & { readonly last?: string }> {
    const sample: QueueEntry[] = [];
    let count = 0;
    let last: string | undefined;
    for await (const entries of this.#pages(filter)) {
      for (const entry of entries) {
        if (!concerns(act, entry.item)) continue;
        this.#readable(act, entry.item);
        if (sample.length < SAMPLE) sample.push(entry);
        count += 1;
        last = entry.item.id;
      }
    }
    return { count, entries: sample, ...(last !== undefined && { last }) };
  }

  /** @param busy grows by what is being delivered @returns how many items it was done to */
  async #change(entries: readonly QueueEntry[], act: QueueAct, busy: string[]): Promise<number> {
    if (act.do === 'drop') return this.#drop(entries, busy);
    const { scheduler, clock, settings } = this.#services;
    const now = clock.now();
    const done: QueueEntry[] = [];
    const changed: QueueItem[] = [];
    for (const entry of entries) {
      const { item } = entry;
      if (act.do === 'retry' && this.#isRetried(item, busy)) done.push(entry);
      else if (scheduler.seize(item)) {
        const after = afterAct(this.#readable(act, item), entry, now, settings);
        changed.push(after);
        done.push({ ...entry, item: after });
      } else busy.push(item.id);
    }
    if (changed.length > 0) await scheduler.change(changed);
    for (const entry of done) this.#announce(act, entry);
    return done.length;
  }

  /** Ends the rest of the item's lane. @returns whether nothing else is left to do for a retry */
  #isRetried(item: QueueItem, busy: string[]): boolean {
    const { scheduler } = this.#services;
    scheduler.wakeLane(item);
    if (scheduler.attempts(item.id)) busy.push(item.id);
    // What is in memory runs, or is due already; and being asked for does not make the refused welcome.
    return item.reason.kind === 'refused' || scheduler.holds(item.id);
  }

  async #drop(entries: readonly QueueEntry[], busy: string[]): Promise<number> {
    const { scheduler } = this.#services;
    const attempted = new Set(entries.flatMap(({ item: { id } }) => (scheduler.attempts(id) ? [id] : [])));
    await scheduler.drop(entries.map(({ item }) => item));
    busy.push(...attempted);
    for (const entry of entries) this.#announce({ do: 'drop' }, entry, attempted.has(entry.item.id));
    return entries.length;
  }

  /** The act with the next hop in its one spelling. Throws QueueActRefused where the transport knows no such next hop. */
  #readable<A extends QueueAct>(act: A, item: QueueItem): A {
    if (act.do !== 'reroute' || 'anew' in act) return act;
    const name = act.transport ?? item.transport ?? '';
    const transport = this.#services.routing.transport(name);
    if (transport === undefined) throw new QueueActRefused(`no plugin ${name} carries mail here`);
    const { handler } = transport;
    if (handler.readDestination === undefined) return act;
    const destination = handler.readDestination(act.destination);
    if (destination === undefined)
      throw new QueueActRefused(`${name} knows no next hop such as ${act.destination}`);
    return { ...act, destination };
  }

  #announce(act: QueueAct, { item, message }: QueueEntry, inDelivery = false): void {
    const { events } = this.#services;
    if (!events.wants('queue-changed')) return;
    const { id, transport, destination, recipients, reason } = item;
    events.emit('queue-changed', {
      item: id,
      message: message.id,
      action: ACTION_OF[act.do],
      sender: recipients[0]?.sender ?? message.sender,
      recipients: recipients.map(({ address }) => address),
      ...(act.do === 'reroute' && { transport, destination }),
      ...(act.do === 'bounce' && reason.kind === 'refused' && { text: reason.text }),
      ...(inDelivery && { inDelivery }),
    });
  }

  async *#pages(filter: QueueFilter): AsyncIterable<readonly QueueEntry[]> {
    let after: string | undefined;
    do {
      const page: QueuePage = await this.#services.store.find(filter, PAGE, after);
      yield page.entries;
      after = page.next;
    } while (after !== undefined);
  }
}
