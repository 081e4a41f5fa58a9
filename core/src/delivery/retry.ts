// When an item is attempted again, and when a destination is. Pure: attempts, time and chance are arguments.

import type { DeliverySettings, MessageRecord } from '../contract/index.ts';
import { releaseTime } from '../smtp/index.ts';

/** Share of a wait by which it may be longer or shorter, so that what failed together does not return together. */
const JITTER = 0.1;

/**
 * The time of the next attempt. Never beyond `expires`: the last attempt is made when the time is up.
 * @param attempts made so far, at least 1
 * @param chance in [0, 1)
 * @param atLeast what the next hop asked for, milliseconds
 */
export function nextAttempt(
  { attempts, expires }: { readonly attempts: number; readonly expires: number },
  now: number,
  { retryAfter }: Pick<DeliverySettings, 'retryAfter'>,
  chance: number,
  atLeast = 0,
): number {
  const wait = retryAfter[Math.min(attempts, retryAfter.length) - 1] ?? 0;
  return Math.min(now + Math.round(Math.max(jittered(wait, chance), atLeast)), Math.max(expires, now));
}

/** When the sender of a message that arrived then is told that it was in vain. */
export function expiryOf(arrivedAt: number, { expireAfter }: Pick<DeliverySettings, 'expireAfter'>): number {
  return arrivedAt + expireAfter;
}

/** When the sender is to be told that a message takes long. */
export function milestonesOf(
  { arrivedAt, parameters }: Pick<MessageRecord, 'arrivedAt' | 'parameters'>,
  { delayWarningAfter }: Pick<DeliverySettings, 'delayWarningAfter'>,
): { readonly warnAt: number | undefined; readonly attemptAt?: number } {
  const released = releaseTime(parameters, arrivedAt);
  return { warnAt: delayWarningAfter > 0 ? released + delayWarningAfter : undefined };
}

/** How often a rest doubles at the most. */
const DOUBLINGS = 6;

/**
 * How long a destination rests after its n-th failure in a row.
 * @param failures from 1
 * @param first the first rest, milliseconds
 * @param chance in [0, 1)
 */
export function laneRest(failures: number, first: number, chance: number): number {
  return Math.round(jittered(first * 2 ** Math.min(failures - 1, DOUBLINGS), chance));
}

function jittered(wait: number, chance: number): number {
  return wait * (1 - JITTER + 2 * JITTER * chance);
}
