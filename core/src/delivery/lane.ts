// A lane: the items of one destination that are in memory, and how the destination has behaved. Pure: what may run and how
// much of it is worth holding. Not for: whose turn it is (turns.ts).

import type { Lane } from '../contract/index.ts';
import type { HopGroup } from './hop-group.ts';
import { Line, type Urgency } from './line.ts';
import { type LaneRules, type Obstacle, Throttle } from './throttle.ts';

export interface LaneState extends Lane {
  readonly key: string;
  readonly line: Line;
  readonly throttle: Throttle;
  /** The destinations with which it shares its hosts; undefined while nobody has told. */
  group: HopGroup | undefined;
  /** When its last attempt ended and nothing was left to do. */
  idleSince: number;
  /** Its last attempt took long, or one that runs has taken long already. */
  slow: boolean;
  /** It is in the ring of lanes that may run. */
  ready: boolean;
  /** The store was told to leave it out because enough of it is in memory. */
  excluded: boolean;
  /** The last item that came in had expired, and so may have those behind it: they wait for no rest. */
  overdue: boolean;
}

/** What is known of a destination: nothing yet, that it answers soon, or that it takes long. */
export type LaneKind = 'new' | 'brisk' | 'slow';
export const LANE_KINDS: readonly LaneKind[] = ['new', 'brisk', 'slow'];

/** A destination that was reached is known for so long after its last attempt. */
const REMEMBER = 600_000;
/** One that was not starts afresh so long after its rest. Longer than the longest rest. */
const FORGET_AFTER = 3_600_000;

/**
 * Room in the window. Scarce: it is half full, and slow lanes make room. Tight: it is almost full, and so are the slots of
 * what takes long; then whatever is not known to answer soon waits.
 */
export type Space = 'ample' | 'scarce' | 'tight';

/** A lane's items in memory for each of its deliveries that may run: enough to stay busy, too few to crowd others out. */
const SHARE_PER_SLOT = 4;
/** Seconds for which a lane with a pace has items in memory. */
const SHARE_OF_PACE = 4;

export function newLane({ transport, destination }: Lane, rules: LaneRules): LaneState {
  return {
    transport,
    destination,
    key: laneKey({ transport, destination }),
    line: new Line(),
    throttle: new Throttle(rules),
    group: undefined,
    idleSince: 0,
    slow: false,
    ready: false,
    excluded: false,
    overdue: false,
  };
}

export function laneKey({ transport, destination }: Lane): string {
  return `${transport ?? ''} ${destination}`;
}

export function kindOf({ slow, throttle }: LaneState): LaneKind {
  if (slow) return 'slow';
  return throttle.proven ? 'brisk' : 'new';
}

/** Whether a lane without work has nothing more to tell. */
export function isForgotten({ throttle, idleSince }: LaneState, now: number): boolean {
  const { failures, restsUntil } = throttle;
  return failures > 0 ? restsUntil + FORGET_AFTER <= now : idleSince + REMEMBER <= now;
}

/** Its own, or that of the destinations with which it shares its hosts. */
export function obstacleOf({ throttle, group }: LaneState, now: number): Obstacle | undefined {
  return throttle.obstacle(now) ?? group?.throttle.obstacle(now);
}

/** The fewer of what its own row and that of its hosts allow. */
export function messagesPerConnection({ throttle, group }: LaneState): number | undefined {
  const own = throttle.rules.messagesPerConnection;
  const shared = group?.throttle.rules.messagesPerConnection;
  return own === undefined || shared === undefined ? (own ?? shared) : Math.min(own, shared);
}

export function restsUntil({ throttle, group }: LaneState): number {
  return Math.max(throttle.restsUntil, group?.throttle.restsUntil ?? 0);
}

export function isFull(lane: LaneState, space: Space, urgency: Urgency = 2): boolean {
  return isProbed(lane)
    ? lane.line.length + lane.throttle.running > 0
    : lane.line.ahead(urgency) >= share(lane, space);
}

/** It has rested, and one attempt is to show whether it can be reached again. */
function isProbed({ throttle, group }: LaneState): boolean {
  return throttle.failures > 0 || (group !== undefined && group.throttle.failures > 0);
}

/**
 * Items that are wanted besides those in memory, where more of them would be sent back to the store; undefined: as many as
 * come.
 */
export function roomIn(lane: LaneState, space: Space): number | undefined {
  if (isProbed(lane)) return lane.overdue ? undefined : 1;
  return leavesRoom(lane, space) ? share(lane, space) - lane.line.length : undefined;
}

/** Whether a look into the store may have to be told something of it though nothing waits here. */
export function isWatched(lane: LaneState): boolean {
  const { slow, throttle } = lane;
  return slow || isProbed(lane) || (throttle.rules.messagesPerSecond !== undefined && throttle.running > 0);
}

/** Whether it takes its share and no more, so that others have room. */
export function leavesRoom(lane: LaneState, space: Space): boolean {
  if (space === 'ample') return false;
  if (lane.slow || lane.throttle.rules.messagesPerSecond !== undefined) return true;
  return space === 'tight' && kindOf(lane) === 'new';
}

/** Items worth holding. */
export function share(lane: LaneState, space: Space): number {
  const { slow, throttle } = lane;
  // What answers soon has the last part of the window for itself.
  if (space === 'tight' && kindOf(lane) !== 'brisk') return 0;
  if (slow && space === 'scarce') return Math.max(1, throttle.running);
  const { messagesPerSecond } = throttle.rules;
  const some = throttle.allowed * SHARE_PER_SLOT;
  return messagesPerSecond === undefined
    ? some
    : Math.min(some, Math.max(1, Math.ceil(messagesPerSecond * SHARE_OF_PACE)));
}
