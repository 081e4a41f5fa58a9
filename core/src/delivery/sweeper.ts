// The sweeper: walks through the whole queue now and then and holds the invariant that every item has a reason to wait
// and a time when the waiting ends. What nobody would come back to, it brings back; what has been in quarantine for its
// whole time it takes out.

import type { Clock, EventSink, Logger, QueueItem, QueuePage, QueueStore, Timer } from '../contract/index.ts';
import { overdue } from './settlement.ts';

/** Milliseconds between two walks. */
const EVERY = 900_000;
/** Milliseconds after its end within which an item may still be taken for its last attempt. */
const LATE = 900_000;
/** Items in one look. */
const PAGE = 200;
/** Milliseconds between two looks of a walk: however long the queue is, mail has most of the time for itself. */
const PAUSE = 20;

/** What the sweeper needs of the scheduler. */
export interface Sweepable {
  holds(item: string): boolean;
  change(items: readonly QueueItem[]): Promise<void>;
  drop(items: readonly QueueItem[]): Promise<void>;
  whileStill<T>(act: () => Promise<T>): Promise<T>;
  wake(): void;
}

export class Sweeper {
  readonly #store: QueueStore;
  readonly #scheduler: Sweepable;
  readonly #clock: Clock;
  readonly #events: EventSink;
  readonly #log: Logger;
  #timer: Timer | undefined;
  #sweeping = false;
  #stopped = false;
  #resumeWalk: (() => void) | undefined;
  #withoutNextAction = 0;

  constructor(store: QueueStore, scheduler: Sweepable, clock: Clock, events: EventSink, log: Logger) {
    this.#store = store;
    this.#scheduler = scheduler;
    this.#clock = clock;
    this.#events = events;
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
    this.#resumeWalk?.();
  }

  /** One walk through the queue. Never rejects; a walk that is under way is not doubled. */
  async sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    let items = 0;
    let found = 0;
    try {
      let after: string | undefined;
      do {
        if (after !== undefined) await this.#pause();
        const page: QueuePage = await this.#store.find({}, PAGE, after);
        items += page.entries.length;
        found += await this.#mend(page);
        after = page.next;
      } while (after !== undefined && !this.#stopped);
      this.#withoutNextAction = found;
      this.#events.emit('queue-swept', { items, withoutNextAction: found });
    } catch (error) {
      this.#log.error({ error: error instanceof Error ? error.message : String(error) }, 'queue not swept');
    } finally {
      this.#sweeping = false;
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#resumeWalk = resolve;
      this.#clock.after(PAUSE, resolve);
    });
  }

  /** @returns how many items had no next action */
  async #mend({ entries }: QueuePage): Promise<number> {
    const now = this.#clock.now();
    const mended: QueueItem[] = [];
    let found = 0;
    for (const { item } of entries) {
      if (this.#scheduler.holds(item.id)) continue;
      if (item.state === 'held') {
        if (hasServedItsTime(item, now)) await this.#expire(item.id);
        continue;
      }
      const fault = faultOf(item, now);
      if (fault === undefined) continue;
      if (fault === 'overdue') mended.push(overdue(item, now));
      else {
        found += 1;
        const { id, message, transport, destination } = item;
        this.#events.emit('item-without-next-action', { item: id, message, transport, destination });
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

  /** Looked at once more where nobody can release it meanwhile. */
  #expire(id: string): Promise<void> {
    return this.#scheduler.whileStill(async () => {
      const [entry] = (await this.#store.find({ item: id }, 1)).entries;
      if (entry === undefined || !hasServedItsTime(entry.item, this.#clock.now())) return;
      const { item, message } = entry;
      await this.#scheduler.drop([item]);
      if (item.reason.kind !== 'quarantined') return;
      const { plugin, text } = item.reason;
      const recipients = item.recipients.map(({ address }) => address);
      const { sender } = message;
      this.#events.emit('quarantine-expired', {
        item: id,
        message: message.id,
        sender,
        recipients,
        plugin,
        text,
      });
    });
  }
}

/** Whether a quarantined item has waited long enough for a person. What a person holds waits for ever. Pure. */
export function hasServedItsTime({ state, reason, expires }: QueueItem, now: number): boolean {
  return state === 'held' && reason?.kind === 'quarantined' && now >= expires;
}

/** `endless`: no time at which its waiting ends. `overdue`: its lane has rested over its end. Pure. */
export function faultOf({ due, expires, reason }: QueueItem, now: number): 'endless' | 'overdue' | undefined {
  const endless = reason === undefined || !Number.isFinite(due) || !Number.isFinite(expires);
  if (endless || due > Math.max(expires, now) + LATE) return 'endless';
  return now >= Math.max(expires, due) + LATE ? 'overdue' : undefined;
}
