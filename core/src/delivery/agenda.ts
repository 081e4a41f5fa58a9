// The agenda: which of the items in memory runs next. Lanes take turns, each within its own concurrency; a lane whose
// destination cannot be reached rests. Pure bookkeeping: time is an argument, and nothing here waits.

import type { Lane, MessageBody, MessageRecord, QueueItem } from '../contract/index.ts';
import {
  count,
  cutBehind,
  isForgotten,
  isFull,
  kindOf,
  LANE_KINDS,
  type LaneKind,
  type LaneState,
  laneKey,
  mayRun,
  newLane,
  share,
  takeFirst,
} from './lane.ts';
import { laneRest } from './retry.ts';
import { Slots } from './slots.ts';

/** An item in memory, with the lease held. */
export interface Pending {
  readonly item: QueueItem;
  readonly message: MessageRecord;
  /** The octets of a fresh message; undefined: the store has them. */
  readonly body: MessageBody | undefined;
  /** Counts the items in memory that share `body`; undefined: no other does. */
  readonly share?: { users: number };
}

export interface AgendaLimits {
  /** Items in memory. */
  readonly window: number;
  /** Octets of fresh messages in memory. */
  readonly windowBytes: number;
  /** The first rest of a lane whose destination nobody reaches, milliseconds. */
  readonly laneRest: number;
  readonly laneConcurrency: (transport: string | null) => number;
  /** Attempts that run at a time and end soon. */
  readonly concurrency: number;
  /** Attempts that run at a time and take long. */
  readonly slowConcurrency: number;
}

/** Lanes that a `take` leaves out at most. Items of the others come along and are sent back with a later due time. */
const MAX_EXCEPT = 2000;
/** Milliseconds until items of a slow lane are asked for again for which there was no room. */
const SLOW_LANE_WAIT = 10_000;
/** Lanes that are remembered though nothing is to be done in them. */
const MAX_LANES = 20_000;

export class Agenda {
  readonly #limits: AgendaLimits;
  readonly #lanes = new Map<string, LaneState>();
  /** Lanes that may run, in turn, by what is known of them. */
  readonly #rings: Readonly<Record<LaneKind, LaneState[]>> = { new: [], brisk: [], slow: [] };
  readonly #held = new Set<string>();
  readonly #slots: Slots;
  #waiting = 0;
  #bytes = 0;
  #reopened = false;

  constructor(limits: AgendaLimits) {
    this.#limits = limits;
    this.#slots = new Slots(limits.concurrency, limits.slowConcurrency);
  }

  /** Whether slots for attempts that end soon are free: then nothing in memory may run. */
  get idle(): boolean {
    return this.#slots.open;
  }

  /** When an attempt that holds up others will count as slow; undefined where nobody waits for a slot. */
  get slotFreeAt(): number | undefined {
    return this.#slots.open || this.#waiting === 0 ? undefined : this.#slots.nextSlowAt;
  }

  /** Items in memory: waiting, running, or with an outcome that is not written yet. */
  get size(): number {
    return this.#held.size;
  }

  /** Items in memory that wait for their turn. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Octets in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  get room(): number {
    return Math.max(0, this.#limits.window - this.#held.size);
  }

  /** Whether slow lanes must leave room in the window for others. */
  get #scarce(): boolean {
    return this.#held.size * 2 > this.#limits.window;
  }

  /** Lanes with something to remember. */
  get lanes(): number {
    return this.#lanes.size;
  }

  holds(item: string): boolean {
    return this.#held.has(item);
  }

  /** Whether a fresh item of that lane would be attempted soon, so that its octets are worth keeping. */
  admits(lane: Lane, bytes: number, now: number): boolean {
    if (this.#held.size >= this.#limits.window || this.#bytes + bytes > this.#limits.windowBytes)
      return false;
    const state = this.#lanes.get(laneKey(lane));
    return state === undefined || (state.restsUntil <= now && !isFull(state, this.#scarce));
  }

  /** Lanes of which no more items are wanted now: with enough of them in memory, or resting. */
  closed(now: number): readonly Lane[] {
    const full: Lane[] = [];
    const resting: Lane[] = [];
    for (const lane of this.#lanes.values()) {
      if (lane.restsUntil > now) resting.push(lane);
      else if (isFull(lane, this.#scarce)) {
        lane.excluded = true;
        full.push(lane);
      }
    }
    return [...full, ...resting].slice(0, MAX_EXCEPT);
  }

  /** Whether a lane that the store was told to leave out wants items again; asking resets it. */
  takeReopened(): boolean {
    const reopened = this.#reopened;
    this.#reopened = false;
    return reopened;
  }

  /**
   * Takes the item into memory; undefined when it is in. Otherwise the time until which its lane wants nothing: it
   * rests, it is slow and has its share, or one attempt that has gone ahead is to show whether the destination can be
   * reached again.
   */
  add(pending: Pending, now: number): number | undefined {
    const { item, body, share } = pending;
    if (this.#held.has(item.id)) return undefined;
    const lane = this.#lane(item);
    if (lane.failures > 0) {
      if (lane.restsUntil > now) return lane.restsUntil;
      if (isFull(lane, this.#scarce)) return now + laneRest(lane.failures, this.#limits.laneRest);
    }
    if (lane.slow && this.#scarce && isFull(lane, true)) return now + SLOW_LANE_WAIT;
    lane.waiting.push(pending);
    this.#held.add(item.id);
    this.#waiting += 1;
    if (body !== undefined && (share === undefined || share.users++ === 0)) this.#bytes += body.size;
    this.#makeReady(lane);
    return undefined;
  }

  /** The next item to run, or undefined when every lane is busy, resting or empty, or has no slot. `finish` it. */
  next(now: number): Pending | undefined {
    for (const kind of LANE_KINDS) {
      const next = this.#slots.isOpenTo(kind) ? this.#nextOf(kind, now) : undefined;
      if (next !== undefined) return next;
    }
    return undefined;
  }

  /** Gives up the slots of attempts that take long. Items of lanes that have turned out to be slow come back, for the store. */
  makeRoom(now: number): readonly Pending[] {
    const back: Pending[] = [];
    for (const lane of this.#slots.moveSlow(now)) {
      for (const pending of cutBehind(lane, share(lane, this.#scarce))) {
        this.#takeOut(pending);
        back.push(pending);
      }
    }
    return back;
  }

  /**
   * The attempt is over; the item stays held until its outcome is written (`release`).
   * `unreachable` lets the lane rest: what waits in it comes back, for the store to keep.
   */
  finish(pending: Pending, unreachable: boolean, now: number): readonly Pending[] {
    const lane = this.#slots.end(pending.item.id, now);
    this.#freeBytes(pending);
    if (!unreachable) {
      lane.proven = true;
      lane.failures = 0;
      lane.restsUntil = 0;
      this.#makeReady(lane);
      if (lane.running === 0 && count(lane) === 0) this.#becameIdle(lane, now);
      return [];
    }
    // Attempts that ran side by side fail together: they are one failure.
    const left = this.#clear(lane);
    if (lane.restsUntil <= now) {
      lane.failures += 1;
      lane.restsUntil = now + this.#restOf(lane, [pending, ...left], now);
    }
    return left;
  }

  /** The item's outcome is written, or somebody else's business: it is not in memory any more. */
  release(item: string): void {
    this.#held.delete(item);
  }

  /** Lets lanes run again whose rest is over, and forgets those that have been quiet for long. Call it now and then. */
  refresh(now: number): void {
    for (const lane of this.#lanes.values()) {
      if (lane.restsUntil > now) continue;
      this.#makeReady(lane);
      if (lane.running === 0 && count(lane) === 0 && isForgotten(lane, now)) this.#forgetLane(lane);
    }
  }

  /** Ends the rest of a lane: an operator asks for another try. */
  wake(lane: Lane): void {
    const state = this.#lanes.get(laneKey(lane));
    if (state === undefined) return;
    state.restsUntil = 0;
    this.#makeReady(state);
  }

  /** Takes a waiting item out of memory. false: it runs, has run, or is not here. */
  forget(item: QueueItem): boolean {
    const lane = this.#held.has(item.id) ? this.#lanes.get(laneKey(item)) : undefined;
    if (lane === undefined) return false;
    for (let at = lane.first; at < lane.waiting.length; at++) {
      const pending = lane.waiting[at] as Pending;
      if (pending.item.id !== item.id) continue;
      lane.waiting.splice(at, 1);
      this.#takeOut(pending);
      return true;
    }
    return false;
  }

  /** Everything that waits, taken out of memory: the server stops. */
  clear(): readonly Pending[] {
    return [...this.#lanes.values()].flatMap((lane) => this.#clear(lane));
  }

  /** No longer than until the first of these expires, so that its sender is told in time; but a first rest at least. */
  #restOf({ failures }: LaneState, known: readonly Pending[], now: number): number {
    const first = this.#limits.laneRest;
    let rest = laneRest(failures, first);
    for (const { item } of known) {
      if (item.expires > now) rest = Math.min(rest, Math.max(first, item.expires - now));
    }
    return rest;
  }

  #clear(lane: LaneState): readonly Pending[] {
    const left = lane.waiting.slice(lane.first);
    lane.waiting = [];
    lane.first = 0;
    for (const pending of left) this.#takeOut(pending);
    return left;
  }

  #takeOut(pending: Pending): void {
    this.#held.delete(pending.item.id);
    this.#waiting -= 1;
    this.#freeBytes(pending);
  }

  #freeBytes({ body, share }: Pending): void {
    if (body === undefined) return;
    if (share === undefined || --share.users === 0) this.#bytes -= body.size;
  }

  #lane(of: Lane): LaneState {
    const key = laneKey(of);
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = newLane(of, this.#limits.laneConcurrency(of.transport));
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  #nextOf(kind: LaneKind, now: number): Pending | undefined {
    const ring = this.#rings[kind];
    for (let turns = ring.length; turns > 0; turns--) {
      const lane = ring.shift() as LaneState;
      lane.ready = false;
      if (!mayRun(lane, now)) continue;
      if (kindOf(lane) !== kind) {
        this.#makeReady(lane);
        continue;
      }
      // A lane that has a slot and must wait for another comes back when its attempt ends, or at the next refresh.
      if (!this.#slots.hasRoomFor(lane)) continue;
      const pending = takeFirst(lane);
      this.#slots.begin(pending.item.id, lane, now);
      this.#waiting -= 1;
      if (lane.excluded && count(lane) * 2 <= share(lane, this.#scarce)) {
        lane.excluded = false;
        this.#reopened = true;
      }
      this.#makeReady(lane);
      return pending;
    }
    return undefined;
  }

  #makeReady(lane: LaneState): void {
    if (lane.ready || count(lane) === 0 || lane.running >= lane.concurrency) return;
    lane.ready = true;
    this.#rings[kindOf(lane)].push(lane);
  }

  /** What is known of its destination is worth keeping for a while. */
  #becameIdle(lane: LaneState, now: number): void {
    lane.idleSince = now;
    if (this.#lanes.size > MAX_LANES) this.#forgetLane(lane);
  }

  #forgetLane(lane: LaneState): void {
    this.#lanes.delete(lane.key);
    // The store may have been told to leave it out, and nobody else would ask for its items now.
    if (lane.excluded) this.#reopened = true;
  }
}
