// Counters: how often something happened within a sliding window, for limits. In memory of the process unless a plugin
// provides them (counter-redis), for several servers that count together.

import type { Awaitable } from './delivery.ts';
import { type Token, token } from './token.ts';

export interface CounterRequest {
  /** Whose count it is: `messages/address/192.0.2.1`. Counts of different windows are different counts. */
  readonly key: string;
  readonly amount: number;
  /** What the count may be at most, the amount included. */
  readonly most: number;
  /** Milliseconds. */
  readonly window: number;
}

/** The request that stands in the way. */
export interface Overrun {
  readonly request: CounterRequest;
  /** Milliseconds until it fits, if nothing else is counted meanwhile; undefined: it never does. */
  readonly wait: number | undefined;
}

export interface Counters {
  /**
   * Adds all amounts where all of them fit, and nothing otherwise. Rejects where the counts cannot be reached: whoever
   * asks says what follows.
   * @returns the first that does not fit; undefined when all have been added
   */
  take(requests: readonly CounterRequest[]): Awaitable<Overrun | undefined>;
  /** Adds whatever the count is. */
  add(requests: readonly Omit<CounterRequest, 'most'>[]): Awaitable<void>;
}
export const Counters: Token<Counters> = token<Counters>('Counters');

/** A count as it is kept: what has come in this window, counted from fixed times, and in the one before. */
export interface WindowCount {
  readonly current: number;
  readonly previous: number;
  /** Milliseconds of this window that are over. */
  readonly elapsed: number;
}

/**
 * Whether a request fits a count. The sliding window is taken to hold as much of the fixed one before as reaches into
 * it: two numbers for each key, and at most what came in one burst at the wrong moment is misjudged.
 */
export function overrunOf(
  request: CounterRequest,
  { current, previous, elapsed }: WindowCount,
): Overrun | undefined {
  const { amount, most, window } = request;
  const free = most - amount;
  if (current + (previous * (window - elapsed)) / window <= free) return undefined;
  if (free < 0) return { request, wait: undefined };
  // Either enough of the window before slides out, or this one has to end and slide out itself.
  const wait =
    current <= free
      ? window * (1 - (free - current) / previous) - elapsed
      : window - elapsed + window * (1 - free / current);
  return { request, wait: Math.max(1, Math.ceil(wait)) };
}
