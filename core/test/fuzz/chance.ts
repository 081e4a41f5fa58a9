// Chance that a seed repeats: numbers and choices.

export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Chance that belongs to the octets: the same input is treated alike wherever it comes up (FNV-1a). */
  static of(input: Uint8Array): Chance {
    let hash = 0x811c9dc5;
    for (const octet of input) hash = Math.imul(hash ^ octet, 0x01000193);
    return new Chance(hash);
  }

  /** An integer from 0, included, to the bound, excluded (mulberry32). */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** Sizes of chunks, most of them small. */
  sizes(): readonly number[] {
    return Array.from({ length: 1 + this.below(6) }, () => 1 + this.below(this.below(3) === 0 ? 200 : 7));
  }
}
