// A pace: how many attempts may begin in a second, as a token bucket that holds one second's worth, and one token at least:
// `100/h` is one every 36 seconds, not a hundred at once. Pure: time is an argument.

export class Pace {
  readonly #perMillisecond: number;
  readonly #most: number;
  #tokens: number;
  #countedAt = 0;

  constructor(perSecond: number) {
    this.#perMillisecond = perSecond / 1000;
    this.#most = Math.max(1, perSecond);
    this.#tokens = this.#most;
  }

  /** When the next attempt may begin, milliseconds since the epoch: `now` where it may at once. */
  nextAt(now: number): number {
    this.#count(now);
    if (this.#tokens >= 1) return now;
    return now + Math.max(1, Math.ceil((1 - this.#tokens) / this.#perMillisecond));
  }

  /** An attempt begins. */
  spend(now: number): void {
    this.#count(now);
    this.#tokens -= 1;
  }

  /** The attempt that was begun last was none. */
  giveBack(): void {
    this.#tokens = Math.min(this.#most, this.#tokens + 1);
  }

  #count(now: number): void {
    const passed = Math.max(0, now - this.#countedAt);
    // A sum of many fractions must not fall short of a whole.
    this.#tokens = Math.min(this.#most, this.#tokens + passed * this.#perMillisecond + 1e-9);
    this.#countedAt = now;
  }
}
