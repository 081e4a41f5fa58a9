// What admission counts with: open connections by key, and arrivals within a minute. Here in the memory of one thread;
// where several threads receive, in memory that they share (server/workers/shared-tallies.ts).

import type { Clock } from '../contract/index.ts';

export interface Tally {
  /** @returns the count with this one */
  raise(key: string): number;
  lower(key: string): void;
}

export interface Tallies {
  readonly total: number;
  /** @returns the total with this one */
  raiseTotal(): number;
  lowerTotal(): void;
  readonly addresses: Tally;
  readonly networks: Tally;
  /** Counts one more arrival and gives the number within the last minute. */
  arrived(who: string): number;
}

const MINUTE = 60_000;

/** Exact, and for one thread. */
export class OwnTallies implements Tallies {
  total = 0;
  readonly addresses: Tally = new MapTally();
  readonly networks: Tally = new MapTally();
  readonly #clock: Clock;
  #minute = 0;
  #now = new Map<string, number>();
  #before = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  raiseTotal(): number {
    this.total += 1;
    return this.total;
  }

  lowerTotal(): void {
    this.total -= 1;
  }

  /** The count of this minute, and the part of the last one that still counts. What is older than two is forgotten. */
  arrived(who: string): number {
    const now = this.#clock.now();
    const minute = minuteOf(now);
    if (minute !== this.#minute) {
      this.#before = minute === this.#minute + 1 ? this.#now : new Map();
      this.#now = new Map();
      this.#minute = minute;
    }
    const count = (this.#now.get(who) ?? 0) + 1;
    this.#now.set(who, count);
    return withinMinute(count, this.#before.get(who) ?? 0, now);
  }
}

export function minuteOf(now: number): number {
  return Math.floor(now / MINUTE);
}

/** How many came within the last sixty seconds, from the counts of this minute of the clock and the one before. */
export function withinMinute(current: number, before: number, now: number): number {
  return current + before * (1 - (now - minuteOf(now) * MINUTE) / MINUTE);
}

class MapTally implements Tally {
  readonly #counts = new Map<string, number>();

  raise(key: string): number {
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return count;
  }

  lower(key: string): void {
    const left = (this.#counts.get(key) ?? 1) - 1;
    if (left === 0) this.#counts.delete(key);
    else this.#counts.set(key, left);
  }
}
