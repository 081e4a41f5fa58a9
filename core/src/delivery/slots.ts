// The slots in which attempts run: those that end soon share a small number, which keeps the processor busy and no more;
// those that wait for a slow destination move over to a larger number, where waiting costs next to nothing. So a thousand
// silent hosts do not keep mail from hosts that answer. Pure: time is an argument.

import { kindOf, type LaneKind, type LaneState } from './lane.ts';

/** Milliseconds after which an attempt is slow. */
export const SLOW_AFTER = 1000;

interface Running {
  readonly lane: LaneState;
  readonly startedAt: number;
  /** Nobody knew of the destination when it began. */
  readonly isNew: boolean;
}

export class Slots {
  readonly #brisk = new Map<string, Running>();
  readonly #slow = new Map<string, Running>();
  readonly #briskLimit: number;
  readonly #slowLimit: number;
  /** Of the brisk ones, those of new lanes. */
  #new = 0;

  constructor(brisk: number, slow: number) {
    this.#briskLimit = brisk;
    this.#slowLimit = slow;
  }

  get running(): number {
    return this.#brisk.size + this.#slow.size;
  }

  /** Whether an attempt that ends soon may begin. */
  get open(): boolean {
    return this.#brisk.size < this.#briskLimit;
  }

  /** Whether any lane of that kind may begin an attempt. New ones share half of the slots: some will not answer. */
  isOpenTo(kind: LaneKind): boolean {
    if (kind === 'slow') return this.#slow.size < this.#slowLimit;
    return this.open && (kind === 'brisk' || this.#new * 2 < this.#briskLimit);
  }

  /** Whether this lane may begin one. Where few slots are left, new and slow lanes have one each. */
  hasRoomFor(lane: LaneState): boolean {
    const kind = kindOf(lane);
    if (!this.isOpenTo(kind)) return false;
    if (kind === 'brisk' || lane.throttle.running === 0) return true;
    return kind === 'slow' ? this.#slow.size * 2 < this.#slowLimit : this.#new * 4 < this.#briskLimit;
  }

  begin(item: string, lane: LaneState, startedAt: number): void {
    const kind = kindOf(lane);
    const running = { lane, startedAt, isNew: kind === 'new' };
    if (running.isNew) this.#new += 1;
    (kind === 'slow' ? this.#slow : this.#brisk).set(item, running);
  }

  /** The lane of an attempt that is over; how long it took says how its lane is treated from now on. */
  end(item: string, now: number): Pick<Running, 'lane' | 'startedAt'> {
    const brisk = this.#brisk.get(item);
    const running = brisk ?? (this.#slow.get(item) as Running);
    const { lane, startedAt } = running;
    if (brisk === undefined) this.#slow.delete(item);
    else this.#leaveBrisk(item, brisk);
    lane.slow = now - startedAt >= SLOW_AFTER;
    return running;
  }

  /** Moves over whatever has run for long. Gives the lanes that have turned out to be slow. */
  moveSlow(now: number): readonly LaneState[] {
    const found: LaneState[] = [];
    // In the order in which they began.
    for (const [item, running] of this.#brisk) {
      if (now - running.startedAt < SLOW_AFTER) break;
      this.#leaveBrisk(item, running);
      this.#slow.set(item, running);
      if (!running.lane.slow) found.push(running.lane);
      running.lane.slow = true;
    }
    return found;
  }

  #leaveBrisk(item: string, { isNew }: Running): void {
    this.#brisk.delete(item);
    if (isNew) this.#new -= 1;
  }

  /** When the oldest attempt that counts as brisk will be slow; undefined where there is none. */
  get nextSlowAt(): number | undefined {
    for (const { startedAt } of this.#brisk.values()) return startedAt + SLOW_AFTER;
    return undefined;
  }
}
