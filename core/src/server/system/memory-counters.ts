// Counters in the memory of the process, within fixed room. A restart forgets them.

import {
  type Clock,
  type CounterRequest,
  type Counters,
  type Overrun,
  overrunOf,
  type WindowCount,
} from '../../contract/index.ts';

interface Kept {
  /** Which window, counted from the epoch. */
  slot: number;
  current: number;
  previous: number;
}

const ROOM = 200_000;

export class MemoryCounters implements Counters {
  readonly #clock: Clock;
  readonly #room: number;
  readonly #kept = new Map<string, Kept>();

  /** @param room counts kept; those that have not moved into a new window for longest go first */
  constructor(clock: Clock, room = ROOM) {
    this.#clock = clock;
    this.#room = room;
  }

  get size(): number {
    return this.#kept.size;
  }

  take(requests: readonly CounterRequest[]): Overrun | undefined {
    for (const request of requests) {
      const overrun = overrunOf(request, this.#countOf(request));
      if (overrun !== undefined) return overrun;
    }
    this.add(requests);
    return undefined;
  }

  add(requests: readonly Omit<CounterRequest, 'most'>[]): void {
    const now = this.#clock.now();
    for (const { key, amount, window } of requests) {
      if (amount === 0) continue;
      const slot = Math.floor(now / window);
      const name = nameOf(key, window);
      const kept = this.#kept.get(name);
      if (kept?.slot === slot) {
        kept.current += amount;
        continue;
      }
      this.#kept.delete(name);
      this.#kept.set(name, { slot, current: amount, previous: kept?.slot === slot - 1 ? kept.current : 0 });
      if (this.#kept.size > this.#room) this.#kept.delete(this.#kept.keys().next().value as string);
    }
  }

  #countOf({ key, window }: CounterRequest): WindowCount {
    const now = this.#clock.now();
    const slot = Math.floor(now / window);
    const elapsed = now - slot * window;
    const kept = this.#kept.get(nameOf(key, window));
    if (kept?.slot === slot) return { current: kept.current, previous: kept.previous, elapsed };
    return { current: 0, previous: kept?.slot === slot - 1 ? kept.current : 0, elapsed };
  }
}

function nameOf(key: string, window: number): string {
  return `${window} ${key}`;
}
