// A lane: the items of one destination that are in memory, and how the destination has behaved. Pure: what may run and how
// much of it is worth holding. Not for: whose turn it is (agenda.ts).

import type { Lane } from '../contract/index.ts';
import type { Pending } from './agenda.ts';

export interface LaneState extends Lane {
  readonly key: string;
  readonly concurrency: number;
  waiting: Pending[];
  /** Index of the first that still waits; the array is cut now and then instead of shifted. */
  first: number;
  running: number;
  /** Failures in a row to reach the destination. */
  failures: number;
  restsUntil: number;
  /** When its last attempt ended and nothing was left to do. */
  idleSince: number;
  /** It has been reached. */
  proven: boolean;
  /** Its last attempt took long, or one that runs has taken long already. */
  slow: boolean;
  /** It is in the ring of lanes that may run. */
  ready: boolean;
  /** The store was told to leave it out because enough of it is in memory. */
  excluded: boolean;
}

/** What is known of a destination: nothing yet, that it answers soon, or that it takes long. */
export type LaneKind = 'new' | 'brisk' | 'slow';
export const LANE_KINDS: readonly LaneKind[] = ['new', 'brisk', 'slow'];

/** A destination that was reached is known for so long after its last attempt. */
const REMEMBER = 600_000;
/** One that was not starts afresh so long after its rest. Longer than the longest rest. */
const FORGET_AFTER = 3_600_000;

/** A lane's items in memory for each of its deliveries that may run: enough to stay busy, too few to crowd others out. */
const SHARE_PER_SLOT = 4;
/** Attempts at a time while nobody knows whether the destination answers at all. */
const UNPROVEN_CONCURRENCY = 5;

export function newLane({ transport, destination }: Lane, concurrency: number): LaneState {
  return {
    transport,
    destination,
    key: laneKey({ transport, destination }),
    concurrency,
    waiting: [],
    first: 0,
    running: 0,
    failures: 0,
    restsUntil: 0,
    idleSince: 0,
    proven: false,
    slow: false,
    ready: false,
    excluded: false,
  };
}

export function laneKey({ transport, destination }: Lane): string {
  return `${transport ?? ''} ${destination}`;
}

/** Items that wait. */
export function count(lane: LaneState): number {
  return lane.waiting.length - lane.first;
}

export function kindOf({ slow, proven }: LaneState): LaneKind {
  if (slow) return 'slow';
  return proven ? 'brisk' : 'new';
}

/** Whether a lane without work has nothing more to tell. */
export function isForgotten({ failures, restsUntil, idleSince }: LaneState, now: number): boolean {
  return failures > 0 ? restsUntil + FORGET_AFTER <= now : idleSince + REMEMBER <= now;
}

export function mayRun(lane: LaneState, now: number): boolean {
  return count(lane) > 0 && lane.restsUntil <= now && lane.running < allowed(lane);
}

/** After a rest one attempt goes ahead alone, at a new destination some; the others follow when somebody was reached. */
function allowed({ failures, proven, concurrency }: LaneState): number {
  if (failures > 0) return 1;
  return proven ? concurrency : Math.min(concurrency, UNPROVEN_CONCURRENCY);
}

/** @param scarce whether memory is: then a slow lane holds its next items and no more */
export function isFull(lane: LaneState, scarce: boolean): boolean {
  return lane.failures === 0 ? count(lane) >= share(lane, scarce) : count(lane) + lane.running > 0;
}

/** Items worth holding. */
export function share({ slow, running, concurrency }: LaneState, scarce: boolean): number {
  return slow && scarce ? Math.max(1, running) : concurrency * SHARE_PER_SLOT;
}

export function takeFirst(lane: LaneState): Pending {
  const pending = lane.waiting[lane.first] as Pending;
  lane.first += 1;
  if (lane.first === lane.waiting.length) {
    lane.waiting = [];
    lane.first = 0;
  } else if (lane.first > 64 && lane.first * 2 > lane.waiting.length) {
    lane.waiting = lane.waiting.slice(lane.first);
    lane.first = 0;
  }
  return pending;
}

/** Takes out of the lane what is behind the first `kept` that wait. */
export function cutBehind(lane: LaneState, kept: number): readonly Pending[] {
  return lane.waiting.splice(lane.first + kept);
}
