// The lanes that are remembered, and those of which the store is told to give no more. Pure: time is an argument.

import type { Lane, LaneRoom, TakeRequest } from '../contract/index.ts';
import {
  isForgotten,
  isFull,
  isWatched,
  type LaneState,
  laneKey,
  newLane,
  restsUntil,
  roomIn,
  type Space,
  share,
} from './lane.ts';
import type { LaneRules } from './throttle.ts';

/** Lanes that a `take` leaves out at most. Items of the others come along and are sent back with a later due time. */
const MAX_EXCEPT = 2000;
/** Lanes that are remembered though nothing is to be done in them. */
const MAX_LANES = 20_000;

/** What a look into the store is to bring of the lanes. */
export type Wanted = Required<Pick<TakeRequest, 'except' | 'rooms'>>;

export class LaneTable {
  readonly #rules: (lane: Lane) => LaneRules;
  readonly #lanes = new Map<string, LaneState>();
  /** Those with something that waits, that may rest or are slow: the others are many, and there is nothing to say of them. */
  readonly #active = new Set<LaneState>();
  #reopened = false;

  constructor(rules: (lane: Lane) => LaneRules) {
    this.#rules = rules;
  }

  get size(): number {
    return this.#lanes.size;
  }

  find(lane: Lane): LaneState | undefined {
    return this.#lanes.get(laneKey(lane));
  }

  all(): Iterable<LaneState> {
    return this.#lanes.values();
  }

  /** The lane, made where there is none yet. */
  of(lane: Lane): LaneState {
    const key = laneKey(lane);
    let state = this.#lanes.get(key);
    if (state === undefined) {
      state = newLane(lane, this.#rules(lane));
      this.#lanes.set(key, state);
    }
    return state;
  }

  /** Something waits in it, or it rests. */
  isActive(lane: LaneState): void {
    this.#active.add(lane);
  }

  /** Of which lanes no more items are wanted now, with enough of them in memory or resting, and of which only a few. */
  wanted(now: number, space: Space): Wanted {
    const full: Lane[] = [];
    const resting: Lane[] = [];
    const rooms: LaneRoom[] = [];
    for (const lane of this.#active) {
      const { transport, destination, overdue } = lane;
      if (restsUntil(lane) > now) {
        if (!overdue) resting.push({ transport, destination });
      } else if (isFull(lane, space) && !overdue) {
        lane.excluded = true;
        full.push({ transport, destination });
      } else {
        const room = roomIn(lane, space);
        if (room !== undefined) rooms.push({ transport, destination, room });
        else if (lane.line.length === 0 && !isWatched(lane)) this.#active.delete(lane);
      }
    }
    const except = [...full, ...resting].slice(0, MAX_EXCEPT);
    return { except, rooms: rooms.slice(0, MAX_EXCEPT) };
  }

  /** Something has gone out of the lane: the store may be asked for more when half of its share is gone. */
  shrunk(lane: LaneState, space: Space): void {
    if (!lane.excluded || lane.line.length * 2 > share(lane, space)) return;
    lane.excluded = false;
    this.#reopened = true;
  }

  /** Whether a lane that the store was told to leave out wants items again; asking resets it. */
  takeReopened(): boolean {
    const reopened = this.#reopened;
    this.#reopened = false;
    return reopened;
  }

  /** Nothing is left to do in it: what is known of its destination is worth keeping for a while. @returns whether it is kept */
  becameIdle(lane: LaneState, now: number): boolean {
    lane.idleSince = now;
    if (this.#lanes.size <= MAX_LANES) return true;
    this.forget(lane);
    return false;
  }

  /** Whether it can be forgotten: nothing runs or waits there, and there is nothing to remember. */
  isOver(lane: LaneState, now: number): boolean {
    return lane.throttle.running === 0 && lane.line.length === 0 && isForgotten(lane, now);
  }

  forget(lane: LaneState): void {
    this.#lanes.delete(lane.key);
    this.#active.delete(lane);
    // The store may have been told to leave it out, and nobody else would ask for its items now.
    if (lane.excluded) this.#reopened = true;
  }
}
