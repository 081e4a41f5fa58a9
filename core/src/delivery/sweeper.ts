// The sweeper: walks through the whole queue now and then and holds the invariant that every item has a reason to wait
// and a time when the waiting ends. What nobody would come back to, it brings back.

import type { Clock, Logger, QueueItem, QueuePage, QueueStore, Timer } from '../contract/index.ts';
import { overdue } from './settlement.ts';

/** Milliseconds between two walks. */
const EVERY = 900_000;
/** Milliseconds after its end within which an item may still be taken for its last attempt. */
const LATE = 900_000;
/** Items in one look. */
const PAGE = 200;

/** What the sweeper needs of the scheduler. */
export interface Sweepable {
  holds(item: string): boolean;
  change(items: readonly QueueItem[]): Promise<void>;
  wake(): void;
}

export class Sweeper {
  readonly #store: QueueStore;
  readonly #scheduler: Sweepable;
  readonly #clock: Clock;
  readonly #log: Logger;
  #timer: Timer | undefined;
  #sweeping = false;
  #stopped = false;
  #withoutNextAction = 0;

  constructor(store: QueueStore, scheduler: Sweepable, clock: Clock, log: Logger) {
    this.#store = store;
    this.#scheduler = scheduler;
    this.#clock = clock;
    this.#log = log;
  }

  /** Items without a next action that the last walk found. Always 0, or there is a bug somewhere. */
  get withoutNextAction(): number {
    return this.#withoutNextAction;
  }

  start(): void {
    this.#timer = this.#clock.every(EVERY, () => void this.sweep());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.stop();
  }

  /** One walk through the queue. Never rejects; a walk that is under way is not doubled. */
  async sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    let found = 0;
    try {
      let after: string | undefined;
      do {
        const page: QueuePage = await this.#store.find({ state: 'waiting' }, PAGE, after);
        found += await this.#mend(page);
        after = page.next;
      } while (after !== undefined && !this.#stopped);
      this.#withoutNextAction = found;
    } catch (error) {
      this.#log.error({ error: error instanceof Error ? error.message : String(error) }, 'queue not swept');
    } finally {
      this.#sweeping = false;
    }
  }

  /** @returns how many items had no next action */
  async #mend({ entries }: QueuePage): Promise<number> {
    const now = this.#clock.now();
    const mended: QueueItem[] = [];
    let found = 0;
    for (const { item } of entries) {
      if (this.#scheduler.holds(item.id)) continue;
      const fault = faultOf(item, now);
      if (fault === undefined) continue;
      if (fault === 'overdue') mended.push(overdue(item, now));
      else {
        found += 1;
        this.#log.error({ item: item.id }, 'item without a next action, due now');
        const expires = Number.isFinite(item.expires) ? item.expires : now;
        mended.push({
          ...item,
          due: now,
          expires,
          reason: item.reason ?? { kind: 'asked-by-operator', at: now },
        });
      }
    }
    if (mended.length > 0) {
      await this.#scheduler.change(mended);
      this.#scheduler.wake();
    }
    return found;
  }
}

/** `endless`: no time at which its waiting ends. `overdue`: its lane has rested over its end. Pure. */
export function faultOf({ due, expires, reason }: QueueItem, now: number): 'endless' | 'overdue' | undefined {
  const endless = reason === undefined || !Number.isFinite(due) || !Number.isFinite(expires);
  if (endless || due > Math.max(expires, now) + LATE) return 'endless';
  return now >= Math.max(expires, due) + LATE ? 'overdue' : undefined;
}
