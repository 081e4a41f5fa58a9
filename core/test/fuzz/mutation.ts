// New inputs from old ones: lines and words moved, doubled and dropped, words of the grammar put in, numbers driven to
// their ends, octets changed. What comes out is nearly right, which is where parsers go wrong.

import type { Chance } from './chance.ts';

const NUMBERS = ['0', '1', '65535', '4294967296', '9007199254740993', '99999999999999999999', '-1'];
const LONGEST = 4096;

export class Mutator {
  readonly #chance: Chance;
  readonly #words: readonly Buffer[];

  constructor(chance: Chance, words: readonly string[]) {
    this.#chance = chance;
    this.#words = words.map((word) => Buffer.from(word, 'latin1'));
  }

  /** Something between one change and many; now and then no descendant at all but noise. */
  mutate(corpus: readonly Uint8Array[]): Uint8Array {
    const chance = this.#chance;
    let input: Uint8Array = chance.below(50) === 0 ? this.#noise() : chance.pick(corpus);
    // Cut after each change: a few doublings of doublings would be gigabytes.
    for (let changes = 1 + chance.below(chance.below(4) === 0 ? 8 : 2); changes > 0; changes--)
      input = this.#change(input, corpus).subarray(0, LONGEST);
    return input;
  }

  #change(input: Uint8Array, corpus: readonly Uint8Array[]): Uint8Array {
    const chance = this.#chance;
    const [from, to] = this.#piece(input);
    switch (chance.below(10)) {
      case 0:
        return this.#flip(input);
      case 1:
        return splice(input, from, to);
      case 2:
        return splice(input, to, to, input.subarray(from, to));
      case 3:
        return splice(
          input,
          from,
          from,
          ...Array<Uint8Array>(chance.below(40)).fill(input.subarray(from, to)),
        );
      case 4:
        return splice(input, from, to, chance.pick(this.#words));
      case 5:
      case 6:
        return splice(input, from, from, chance.pick(this.#words));
      case 7: {
        const other = chance.pick(corpus);
        return splice(input, from, to, other.subarray(...this.#piece(other)));
      }
      case 8:
        return this.#number(input);
      default:
        return input.subarray(0, to);
    }
  }

  /** From one word or line to the end of another: what stands between white space and signs belongs together. */
  #piece(input: Uint8Array): [number, number] {
    const chance = this.#chance;
    const wholeLines = chance.below(2) === 0;
    const isBreak = (octet: number | undefined): boolean =>
      octet === 10 ||
      (!wholeLines && (octet === 32 || octet === 58 || octet === 60 || octet === 62 || octet === 64));
    let from = chance.below(input.length + 1);
    while (from > 0 && !isBreak(input[from - 1])) from--;
    let to = Math.min(input.length, from + 1);
    while (to < input.length && !isBreak(input[to - 1])) to++;
    return [from, to];
  }

  #flip(input: Uint8Array): Uint8Array {
    if (input.length === 0) return this.#noise();
    const changed = Uint8Array.from(input);
    const at = this.#chance.below(changed.length);
    const octet = changed[at] as number;
    changed[at] =
      this.#chance.below(2) === 0 ? this.#chance.below(256) : octet ^ (1 << this.#chance.below(8));
    return changed;
  }

  /** Drives a number of the input to an end of its range. */
  #number(input: Uint8Array): Uint8Array {
    const digits = [...Buffer.from(input).toString('latin1').matchAll(/\d+/g)];
    if (digits.length === 0) return this.#flip(input);
    const { index, 0: found } = this.#chance.pick(digits);
    return splice(input, index, index + found.length, Buffer.from(this.#chance.pick(NUMBERS)));
  }

  #noise(): Uint8Array {
    return Uint8Array.from({ length: this.#chance.below(60) }, () => this.#chance.below(256));
  }
}

function splice(input: Uint8Array, from: number, to: number, ...between: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([input.subarray(0, from), ...between, input.subarray(to)]);
}
