// The slots in which attempts run: those that end soon share a small number, which keeps the processor busy and no more;
// those that wait for a slow destination move over to a larger number, where waiting costs next to nothing. So a thousand
// silent hosts do not keep mail from hosts that answer. Pure: time is an argument.

import type { LaneState } from './lane.ts';

/** Milliseconds after which an attempt is slow. */
export const SLOW_AFTER = 1000;

interface Running {
  readonly lane: LaneState;
  readonly startedAt: number;
}

export class Slots {
  readonly #brisk = new Map<string, Running>();
  readonly #slow = new Map<string, Running>();
  readonly #briskLimit: number;
  readonly #slowLimit: number;

  constructor(brisk: number, slow: number) {
    this.#briskLimit = brisk;
    this.#slowLimit = slow;
  }

  get running(): number {
    return this.#brisk.size + this.#slow.size;
  }

  /** Whether an attempt of a lane that answers soon may begin. */
  get open(): boolean {
    return this.#brisk.size < this.#briskLimit;
  }

  /** Whether an attempt of any slow lane may begin. */
  get slowOpen(): boolean {
    return this.#slow.size < this.#slowLimit;
  }

  /** Whether an attempt of this lane may begin: slow ones have one each where there is little room left for them. */
  hasRoomFor({ slow, running }: LaneState): boolean {
    if (!slow) return this.open;
    return this.#slow.size < (running === 0 ? this.#slowLimit : this.#slowLimit / 2);
  }

  begin(item: string, lane: LaneState, startedAt: number): void {
    (lane.slow ? this.#slow : this.#brisk).set(item, { lane, startedAt });
    lane.running += 1;
  }

  /** The lane of an attempt that is over; how long it took says how its lane is treated from now on. */
  end(item: string, now: number): LaneState {
    const running = this.#brisk.get(item) ?? (this.#slow.get(item) as Running);
    if (!this.#brisk.delete(item)) this.#slow.delete(item);
    const { lane, startedAt } = running;
    lane.running -= 1;
    lane.slow = now - startedAt >= SLOW_AFTER;
    return lane;
  }

  /** Moves over whatever has run for long. Gives the lanes that have turned out to be slow. */
  moveSlow(now: number): readonly LaneState[] {
    const found: LaneState[] = [];
    // In the order in which they began.
    for (const [item, running] of this.#brisk) {
      if (now - running.startedAt < SLOW_AFTER) break;
      this.#brisk.delete(item);
      this.#slow.set(item, running);
      if (!running.lane.slow) found.push(running.lane);
      running.lane.slow = true;
    }
    return found;
  }

  /** When the oldest attempt that counts as brisk will be slow; undefined where there is none. */
  get nextSlowAt(): number | undefined {
    for (const { startedAt } of this.#brisk.values()) return startedAt + SLOW_AFTER;
    return undefined;
  }
}
