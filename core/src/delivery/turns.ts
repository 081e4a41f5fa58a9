// Whose turn it is: lanes with work stand in rings, by what is known of them, and go round. A lane that must wait leaves
// the ring and comes back when what it waits for has happened. Pure: time is an argument.

import { kindOf, LANE_KINDS, type LaneKind, type LaneState, obstacleOf } from './lane.ts';
import type { Slots } from './slots.ts';

export class Turns {
  readonly #slots: Slots;
  readonly #rings: Readonly<Record<LaneKind, LaneState[]>> = { new: [], brisk: [], slow: [] };
  /** Lanes that wait for their pace. */
  readonly #paced = new Set<LaneState>();

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  /** Whether a lane waits for its pace: then `resume` has to be called. */
  get paced(): boolean {
    return this.#paced.size > 0;
  }

  /** The lane has work, and may run or will be passed over. */
  offer(lane: LaneState): void {
    if (lane.ready || lane.line.length === 0 || lane.throttle.running >= lane.throttle.allowed) return;
    lane.ready = true;
    this.#rings[kindOf(lane)].push(lane);
  }

  /** The lane that runs next; undefined: every lane is busy, resting or empty, or has no slot. */
  next(now: number): LaneState | undefined {
    for (const kind of LANE_KINDS) {
      const next = this.#slots.isOpenTo(kind) ? this.#nextOf(kind, now) : undefined;
      if (next !== undefined) return next;
    }
    return undefined;
  }

  /** Lets the lanes try again that wait for their pace. */
  resume(): void {
    const paced = [...this.#paced];
    this.#paced.clear();
    for (const lane of paced) this.offer(lane);
  }

  #nextOf(kind: LaneKind, now: number): LaneState | undefined {
    const ring = this.#rings[kind];
    for (let turns = ring.length; turns > 0; turns--) {
      const lane = ring.shift() as LaneState;
      lane.ready = false;
      if (lane.line.length === 0) continue;
      const obstacle = obstacleOf(lane, now);
      if (obstacle !== undefined) {
        if (obstacle === 'rate') this.#paced.add(lane);
        else if (obstacle === 'concurrency') lane.group?.wait(lane);
        continue;
      }
      if (kindOf(lane) !== kind) {
        this.offer(lane);
        continue;
      }
      // A lane that has a slot and must wait for another comes back when its attempt ends, or at the next refresh.
      if (this.#slots.hasRoomFor(lane)) return lane;
    }
    return undefined;
  }
}
