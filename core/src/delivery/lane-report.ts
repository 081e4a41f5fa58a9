// What a lane tells people: how much runs, how much may, and what holds it up.

import { type LaneState, obstacleOf, restsUntil } from './lane.ts';

/** Why a destination with mail gets none now. Times are milliseconds since the epoch. */
export type LaneWait =
  /** Nobody could be reached there so often in a row. */
  | { readonly kind: 'back-off'; readonly until: number; readonly failures: number }
  /** As many deliveries run as may. */
  | { readonly kind: 'concurrency' }
  /** The rate that `delivery.destinations` allows is used up. */
  | { readonly kind: 'rate'; readonly until: number }
  /** An operator has suspended it. */
  | { readonly kind: 'suspended'; readonly since: number }
  /** The server has as many deliveries under way as it may, or other destinations go first. */
  | { readonly kind: 'slots' };

/** What is told of a lane. */
export interface LaneReport {
  readonly running: number;
  /** Deliveries that may run at a time now. */
  readonly allowed: number;
  /** Destinations that share their hosts with it, itself among them; undefined where it shares them with nobody. */
  readonly sharedBy?: number;
  readonly wait?: LaneWait;
}

export function reportOf(lane: LaneState, now: number): LaneReport {
  const { throttle, group } = lane;
  const allowed = Math.min(throttle.allowed, group?.throttle.allowed ?? Number.POSITIVE_INFINITY);
  const wait = waitOf(lane, now);
  const sharedBy = group?.lanes.size ?? 1;
  return { running: throttle.running, allowed, ...(sharedBy > 1 && { sharedBy }), ...(wait && { wait }) };
}

function waitOf(lane: LaneState, now: number): LaneWait | undefined {
  const { throttle, line } = lane;
  switch (obstacleOf(lane, now)) {
    case 'back-off':
      return {
        kind: 'back-off',
        until: restsUntil(lane),
        failures: Math.max(throttle.failures, lane.group?.throttle.failures ?? 0),
      };
    case 'concurrency':
      return { kind: 'concurrency' };
    case 'rate':
      return { kind: 'rate', until: Math.max(throttle.paceAt(now), lane.group?.throttle.paceAt(now) ?? 0) };
    default:
      return line.length > 0 ? { kind: 'slots' } : undefined;
  }
}
