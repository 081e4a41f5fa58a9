// The agenda: which of the items in memory runs next. Lanes take turns, each within its own concurrency; a lane whose
// destination cannot be reached rests. Pure bookkeeping: time is an argument, and nothing here waits.

import type { Lane, MessageBody, MessageRecord, QueueItem } from '../contract/index.ts';
import { laneRest } from './retry.ts';

/** An item in memory, with the lease held. */
export interface Pending {
  readonly item: QueueItem;
  readonly message: MessageRecord;
  /** The octets of a fresh message; undefined: the store has them. */
  readonly body: MessageBody | undefined;
}

export interface AgendaLimits {
  /** Items in memory. */
  readonly window: number;
  /** Octets of fresh messages in memory. */
  readonly windowBytes: number;
  readonly laneConcurrency: (transport: string | null) => number;
}

interface LaneState extends Lane {
  readonly concurrency: number;
  waiting: Pending[];
  /** Index of the first that still waits; the array is cut now and then instead of shifted. */
  first: number;
  running: number;
  failures: number;
  restsUntil: number;
  /** It is in the ring of lanes that may run. */
  ready: boolean;
}

/** A lane's items in memory for each of its deliveries that may run: enough to stay busy, too few to crowd others out. */
const SHARE_PER_SLOT = 8;

export class Agenda {
  readonly #limits: AgendaLimits;
  readonly #lanes = new Map<string, LaneState>();
  readonly #ring: LaneState[] = [];
  readonly #held = new Set<string>();
  #waiting = 0;
  #bytes = 0;

  constructor(limits: AgendaLimits) {
    this.#limits = limits;
  }

  /** Items in memory, running ones included. */
  get size(): number {
    return this.#held.size;
  }

  /** Items in memory that wait for their turn. */
  get waiting(): number {
    return this.#waiting;
  }

  get room(): number {
    return Math.max(0, this.#limits.window - this.#held.size);
  }

  holds(item: string): boolean {
    return this.#held.has(item);
  }

  /** Whether a fresh item of that lane would be attempted soon, so that its octets are worth keeping. */
  admits(lane: Lane, bytes: number, now: number): boolean {
    if (this.#held.size >= this.#limits.window || this.#bytes + bytes > this.#limits.windowBytes) return false;
    const state = this.#lanes.get(laneKey(lane));
    return state === undefined || (state.restsUntil <= now && !isFull(state));
  }

  /** Lanes of which no more items are wanted now: resting, or with enough of them in memory. */
  closed(now: number): readonly Lane[] {
    const closed: Lane[] = [];
    for (const lane of this.#lanes.values()) if (lane.restsUntil > now || isFull(lane)) closed.push(lane);
    return closed;
  }

  add(pending: Pending): void {
    const { item, body } = pending;
    if (this.#held.has(item.id)) return;
    const lane = this.#lane(item);
    lane.waiting.push(pending);
    this.#held.add(item.id);
    this.#waiting += 1;
    this.#bytes += body?.size ?? 0;
    this.#makeReady(lane);
  }

  /** The next item to run, or undefined when every lane is busy, resting or empty. Finish it with `done`. */
  next(now: number): Pending | undefined {
    for (let turns = this.#ring.length; turns > 0; turns--) {
      const lane = this.#ring.shift() as LaneState;
      lane.ready = false;
      if (!mayRun(lane, now)) continue;
      const pending = takeFirst(lane);
      lane.running += 1;
      this.#waiting -= 1;
      this.#makeReady(lane);
      return pending;
    }
    return undefined;
  }

  /** The attempt is over. `unreachable` lets the lane rest: what waits in it comes back, for the store to keep. */
  done({ item, body }: Pending, unreachable: boolean, now: number): readonly Pending[] {
    const lane = this.#lane(item);
    lane.running -= 1;
    this.#held.delete(item.id);
    this.#bytes -= body?.size ?? 0;
    if (!unreachable) {
      lane.failures = 0;
      lane.restsUntil = 0;
      this.#makeReady(lane);
      this.#forgetIdle(lane);
      return [];
    }
    // Attempts that ran side by side fail together: they are one failure.
    if (lane.restsUntil <= now) {
      lane.failures += 1;
      lane.restsUntil = now + laneRest(lane.failures);
    }
    return this.#clear(lane);
  }

  /** Lets lanes run again whose rest is over. Call it now and then. */
  refresh(now: number): void {
    for (const lane of this.#lanes.values()) {
      if (lane.restsUntil <= now) this.#makeReady(lane);
    }
  }

  /** Ends the rest of a lane: an operator asks for another try. */
  wake(lane: Lane): void {
    const state = this.#lanes.get(laneKey(lane));
    if (state !== undefined) state.restsUntil = 0;
  }

  /** Takes a waiting item out of memory. false: it runs already, or is not here. */
  forget(item: string): boolean {
    if (!this.#held.has(item)) return false;
    for (const lane of this.#lanes.values()) {
      const at = lane.waiting.findIndex((pending, index) => index >= lane.first && pending.item.id === item);
      if (at === -1) continue;
      const [pending] = lane.waiting.splice(at, 1) as [Pending];
      this.#release(pending);
      return true;
    }
    return false;
  }

  /** Everything that waits, taken out of memory: the server stops. */
  clear(): readonly Pending[] {
    return [...this.#lanes.values()].flatMap((lane) => this.#clear(lane));
  }

  #clear(lane: LaneState): readonly Pending[] {
    const left = lane.waiting.slice(lane.first);
    lane.waiting = [];
    lane.first = 0;
    for (const pending of left) this.#release(pending);
    return left;
  }

  #release({ item, body }: Pending): void {
    this.#held.delete(item.id);
    this.#waiting -= 1;
    this.#bytes -= body?.size ?? 0;
  }

  #lane({ transport, destination }: Lane): LaneState {
    const key = laneKey({ transport, destination });
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      const concurrency = this.#limits.laneConcurrency(transport);
      lane = { transport, destination, concurrency, waiting: [], first: 0, running: 0, failures: 0, restsUntil: 0, ready: false };
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  #makeReady(lane: LaneState): void {
    if (lane.ready || lane.waiting.length === lane.first || lane.running >= lane.concurrency) return;
    lane.ready = true;
    this.#ring.push(lane);
  }

  /** A lane without items or failures has nothing to remember. */
  #forgetIdle(lane: LaneState): void {
    if (lane.running === 0 && lane.waiting.length === lane.first) this.#lanes.delete(laneKey(lane));
  }
}

function mayRun(lane: LaneState, now: number): boolean {
  if (lane.waiting.length === lane.first || lane.restsUntil > now) return false;
  // After a rest one attempt goes ahead alone, and the others follow when it has reached somebody.
  return lane.failures === 0 ? lane.running < lane.concurrency : lane.running === 0;
}

function isFull(lane: LaneState): boolean {
  return lane.waiting.length - lane.first >= lane.concurrency * SHARE_PER_SLOT;
}

function takeFirst(lane: LaneState): Pending {
  const pending = lane.waiting[lane.first] as Pending;
  lane.first += 1;
  if (lane.first > 64 && lane.first * 2 > lane.waiting.length) {
    lane.waiting = lane.waiting.slice(lane.first);
    lane.first = 0;
  }
  return pending;
}

function laneKey({ transport, destination }: Lane): string {
  return `${transport ?? ''} ${destination}`;
}
