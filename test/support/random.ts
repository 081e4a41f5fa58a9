// Chance that can be repeated: a seed that a failed test has printed gives the same run of numbers again.

import { randomInt } from 'node:crypto';

/** The seed from the environment, where a failure is to be repeated, or a new one. */
export function seedFromEnvironment(): number {
  const given = process.env.POSTHOUSE_SEED;
  return given === undefined ? randomInt(2 ** 31) : Number(given);
}

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0, included, to 1, excluded (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }
}
