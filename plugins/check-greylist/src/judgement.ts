// Whether mail has to wait, from what is remembered of its like. Pure.

export interface Remembered {
  /** Milliseconds since the epoch: first heard of, and last. */
  readonly first: number;
  readonly last: number;
  /** It has come back after the delay. */
  readonly passed: boolean;
}

export interface Rules {
  readonly delay: number;
  readonly retryWindow: number;
  readonly lifetime: number;
}

export type Judgement =
  /** Heard of for the first time, or for the first time in long. */
  | { readonly kind: 'new'; readonly wait: number }
  | { readonly kind: 'early'; readonly wait: number }
  | { readonly kind: 'passes' }
  | { readonly kind: 'known' };

export function judge(remembered: Remembered | undefined, now: number, rules: Rules): Judgement {
  if (remembered === undefined || isForgotten(remembered, now, rules))
    return { kind: 'new', wait: rules.delay };
  if (remembered.passed) return { kind: 'known' };
  const wait = remembered.first + rules.delay - now;
  return wait > 0 ? { kind: 'early', wait } : { kind: 'passes' };
}

function isForgotten({ first, last, passed }: Remembered, now: number, rules: Rules): boolean {
  // A clock that was set back must not make anybody wait for years.
  if (first > now) return true;
  return passed ? now - last > rules.lifetime : now - first > rules.retryWindow;
}
