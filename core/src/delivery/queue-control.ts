// The queue in the operator's hand: looking, trying again, releasing, dropping. Safe while the scheduler works.

import type { Clock, QueueEntry, QueueFilter, QueueItem, QueuePage, QueueStore } from '../contract/index.ts';
import { QueueCount, type QueueSummary } from './queue-summary.ts';
import type { Scheduler } from './scheduler.ts';

/** Items that one change of the queue takes along. */
const PAGE = 500;

export class QueueControl {
  readonly #store: QueueStore;
  readonly #scheduler: Scheduler;
  readonly #clock: Clock;

  constructor(store: QueueStore, scheduler: Scheduler, clock: Clock) {
    this.#store = store;
    this.#scheduler = scheduler;
    this.#clock = clock;
  }

  list(filter: QueueFilter, limit: number, after?: string): Promise<QueuePage> {
    return this.#store.find(filter, limit, after);
  }

  /** Figures by destination. Walks through the queue page by page, so that a long one takes no more memory. */
  async summary(filter: QueueFilter): Promise<QueueSummary> {
    const counted = new QueueCount(this.#clock.now());
    await this.#each(filter, (entries) => {
      for (const entry of entries) counted.add(entry);
    });
    return counted.summary();
  }

  /** By the id of an item, or of a message: then its first item. */
  async show(id: string): Promise<QueueEntry | undefined> {
    const [byItem] = (await this.#store.find({ item: id }, 1)).entries;
    return byItem ?? (await this.#store.find({ message: id }, 1)).entries[0];
  }

  /**
   * Makes waiting items due now and ends the rest of their lanes. Held items stay held, what is being attempted is left
   * alone, and what a plugin refused goes on to its bounce. @returns how many are due now
   */
  async retry(filter: QueueFilter): Promise<number> {
    if (filter.state === 'held') return 0;
    const count = await this.#each({ ...filter, state: 'waiting' }, async (entries) => {
      const items = entries.map(({ item }) => item);
      const now = this.#clock.now();
      for (const item of items) this.#scheduler.wakeLane(item);
      // What the scheduler has in memory runs, or is due already; and being asked for does not make the refused welcome.
      const idle = items.filter(({ id, reason }) => reason.kind !== 'refused' && !this.#scheduler.holds(id));
      if (idle.length > 0) await this.#scheduler.change(idle.map((item) => askedFor(item, now)));
    });
    this.#scheduler.wake();
    return count;
  }

  /**
   * Lets held items go: they are delivered as if they had just been accepted, with their whole time before them.
   * @returns how many
   */
  async release(filter: QueueFilter): Promise<number> {
    if (filter.state === 'waiting') return 0;
    const count = await this.#each({ ...filter, state: 'held' }, async (entries) => {
      const now = this.#clock.now();
      await this.#scheduler.change(entries.map((entry) => released(entry, now)));
    });
    this.#scheduler.wake();
    return count;
  }

  /**
   * Takes items out of the queue for good, without a notice. An attempt under way is not called back, but its outcome
   * is neither tried again nor bounced. @returns how many
   */
  drop(filter: QueueFilter): Promise<number> {
    return this.#each(filter, (entries) => this.#scheduler.drop(entries.map(({ item }) => item)));
  }

  async #each(
    filter: QueueFilter,
    then: (entries: readonly QueueEntry[]) => Promise<void> | void,
  ): Promise<number> {
    let count = 0;
    let after: string | undefined;
    do {
      const page: QueuePage = await this.#store.find(filter, PAGE, after);
      if (page.entries.length > 0) await then(page.entries);
      count += page.entries.length;
      after = page.next;
    } while (after !== undefined);
    return count;
  }
}

function askedFor(item: QueueItem, now: number): QueueItem {
  return { ...item, due: now, reason: { kind: 'asked-by-operator', at: now } };
}

function released({ item, message }: QueueEntry, now: number): QueueItem {
  return { ...askedFor(item, now), state: 'waiting', expires: now + (item.expires - message.arrivedAt) };
}
