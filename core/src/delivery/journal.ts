// The journal: writes what came of the attempts. What ends in one turn of the event loop, or while the store is busy,
// goes into one commit; what the store refuses is written again until it is taken. Changes keep their order.

import type {
  Clock,
  Lane,
  Logger,
  NewMessage,
  QueueChange,
  QueueItem,
  QueueStore,
  Suspension,
} from '../contract/index.ts';
import { laneKey } from './lane.ts';

interface Entry {
  readonly change: QueueChange;
  /** It is durable. */
  readonly then: (() => void) | undefined;
  /** It was given up, because the server stops and the store does not take it. */
  readonly otherwise: ((error: unknown) => void) | undefined;
}

/** Changes in one commit at most. */
const MAX_BATCH = 1000;
/** Milliseconds to wait after the first refusal; doubled up to a minute while the store goes on refusing. */
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 60_000;

export class Journal {
  readonly #store: QueueStore;
  readonly #clock: Clock;
  readonly #log: Logger;
  #queue: Entry[] = [];
  /** Changes in the next commit at most: halved by a refusal, so that a change that is refused ends up alone. */
  #limit = MAX_BATCH;
  #refusals = 0;
  #busy = false;
  #closing = false;
  #writing: Promise<void> = Promise.resolve();
  #endPause: (() => void) | undefined;

  constructor(store: QueueStore, clock: Clock, log: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** Changes that are not durable yet. */
  get open(): number {
    return this.#queue.length;
  }

  /** Writes the change, soon. Never throws. @param then called once it is durable; must not throw */
  record(change: QueueChange, then?: () => void, otherwise?: (error: unknown) => void): void {
    this.#queue.push({ change, then, otherwise });
    if (this.#busy) return;
    this.#busy = true;
    queueMicrotask(() => {
      this.#writing = this.#write();
    });
  }

  /** As `record`; durable when it resolves. Rejects only when the server stops before the store has taken it. */
  written(change: QueueChange): Promise<void> {
    return new Promise((resolve, reject) => this.record(change, resolve, reject));
  }

  /** Writes what is left, without waiting long for a store that refuses: what it does not take comes up again later. */
  async close(): Promise<void> {
    this.#closing = true;
    // A batch that begins in this turn has begun by the next one.
    await Promise.resolve();
    this.#endPause?.();
    await this.#writing;
    for (let refused = 0; this.#queue.length > 0 && refused < 3; )
      refused = (await this.#writeBatch()) ? 0 : refused + 1;
    this.#closing = false;
    if (this.#queue.length > 0) this.#giveUp();
  }

  /** Runs until nothing is left to write. Never rejects. */
  async #write(): Promise<void> {
    while (this.#queue.length > 0 && !this.#closing) {
      if (await this.#writeBatch()) continue;
      if (!this.#closing)
        await this.#pause(Math.min(FIRST_WAIT * 2 ** Math.min(this.#refusals - 1, 10), LONGEST_WAIT));
    }
    this.#busy = false;
  }

  async #writeBatch(): Promise<boolean> {
    const batch = this.#queue.length <= this.#limit ? this.#queue : this.#queue.slice(0, this.#limit);
    this.#queue = batch === this.#queue ? [] : this.#queue.slice(batch.length);
    try {
      await this.#store.commit(
        batch.length === 1 ? (batch[0] as Entry).change : merged(batch.map(({ change }) => change)),
      );
    } catch (error) {
      this.#refused(batch, error);
      return false;
    }
    this.#refusals = 0;
    this.#limit = Math.min(this.#limit * 2, MAX_BATCH);
    for (const { then } of batch) then?.();
    return true;
  }

  #refused(batch: readonly Entry[], error: unknown): void {
    this.#refusals += 1;
    const text = error instanceof Error ? error.message : String(error);
    this.#log.error({ error: text, changes: batch.length }, 'outcomes not written, will be tried again');
    // One change that is refused by itself lets the others pass.
    this.#queue =
      batch.length === 1
        ? [...this.#queue, behind(batch[0] as Entry, this.#queue)]
        : [...batch, ...this.#queue];
    this.#limit = Math.max(1, Math.floor(batch.length / 2));
  }

  #giveUp(): void {
    const left = this.#queue;
    this.#queue = [];
    this.#log.error({ changes: left.length }, 'outcomes not written: their items will be attempted again');
    for (const { change, otherwise } of left) {
      for (const { body } of change.put ?? []) body.discard();
      otherwise?.(new Error('the server stops and the store takes nothing'));
    }
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.stop();
        this.#endPause = undefined;
        resolve();
      };
      const timer = this.#clock.after(milliseconds, end);
      this.#endPause = end;
    });
  }
}

/** The entry as it may follow the others: the end of an item must not be undone by an earlier state of it. */
function behind(entry: Entry, others: readonly Entry[]): Entry {
  const { progress } = entry.change;
  if (progress === undefined) return entry;
  const ended = new Set(
    others.flatMap(({ change }) => [...(change.update ?? []), ...(change.remove ?? [])].map(({ id }) => id)),
  );
  return { ...entry, change: { ...entry.change, progress: progress.filter(({ id }) => !ended.has(id)) } };
}

/** One change with the effect of all of them in their order. */
export function merged(changes: readonly QueueChange[]): QueueChange {
  const put: NewMessage[] = [];
  const add: QueueItem[] = [];
  const update: QueueItem[] = [];
  const remove: QueueItem[] = [];
  // A store applies the states of items in mid-delivery last: what has ended since must not come back to life.
  const progress = new Map<string, QueueItem>();
  // The last word on a lane counts.
  const suspended = new Map<string, Suspension>();
  const resumed = new Map<string, Lane>();
  for (const change of changes) {
    for (const lane of change.suspend ?? []) {
      suspended.set(laneKey(lane), lane);
      resumed.delete(laneKey(lane));
    }
    for (const lane of change.resume ?? []) {
      resumed.set(laneKey(lane), lane);
      suspended.delete(laneKey(lane));
    }
    if (change.put) put.push(...change.put);
    if (change.add) add.push(...change.add);
    for (const item of change.progress ?? []) progress.set(item.id, item);
    for (const item of change.update ?? []) {
      update.push(item);
      progress.delete(item.id);
    }
    for (const item of change.remove ?? []) {
      remove.push(item);
      progress.delete(item.id);
    }
  }
  return {
    put,
    add,
    update,
    progress: [...progress.values()],
    remove,
    suspend: [...suspended.values()],
    resume: [...resumed.values()],
  };
}
