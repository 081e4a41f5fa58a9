// The loop: a first part of the inputs explores, and those that reach new code join the corpus; the rest is thrown at the
// targets at full speed. What throws, takes too long or makes the heap grow is a finding, with all that repeats it.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Chance } from './chance.ts';
import { Coverage } from './coverage.ts';
import { Mutator } from './mutation.ts';

/** Something that is given any octets at all. */
export interface Target {
  readonly name: string;
  /** How many of a thousand inputs it gets. */
  readonly share: number;
  /** Good inputs, from which the others descend. */
  readonly seeds: readonly Uint8Array[];
  /** Words of the grammar. */
  readonly words: readonly string[];
  /** Throws when a promise is broken. What it does depends on the input alone. */
  run(input: Uint8Array): void;
}

export interface FuzzOptions {
  readonly seed: number;
  /** For all targets together. */
  readonly inputs: number;
  /** Told before each input, so that one that never ends can be named from outside. */
  readonly beginning?: (target: string, input: Uint8Array) => void;
}

export interface TargetReport {
  readonly target: string;
  readonly inputs: number;
  readonly milliseconds: number;
  /** Inputs, beside the seeds, that reached new code. */
  readonly found: number;
}

export interface FuzzReport {
  readonly targets: readonly TargetReport[];
  /** Characters of the code of the core that have run. */
  readonly characters: number;
  /** Octets by which the heap grew while the corpus stayed the same. */
  readonly growth: number;
}

/** What was found, and the input that repeats it. */
export class Finding extends Error {
  readonly target: string;
  readonly input: Uint8Array;

  constructor(target: string, input: Uint8Array, text: string, cause?: unknown) {
    super(`${target}: ${text}`, { cause });
    this.target = target;
    this.input = input;
  }
}

/** Of the inputs of a target one in so many explores. */
const EXPLORERS = 12;
const BATCH = 32;
const LARGEST_CORPUS = 3000;
/** Milliseconds of one input of a few KiB; the second time it is no accident. */
const SLOW = 500;
/** Octets. */
const GROWTH = 16 * 1024 * 1024;

export function fuzz(targets: readonly Target[], options: FuzzOptions): FuzzReport {
  const runs = targets.map((target, index) => new Run(target, options, index));
  let characters = 0;
  {
    using coverage = new Coverage();
    for (const run of runs) run.explore(coverage);
    characters = coverage.characters;
  }
  // Each target goes through a part of the rest before the heap is looked at for the first time.
  for (const run of runs) run.go(0.3);
  const before = heapInUse();
  for (const run of runs) run.go(1);
  const growth = heapInUse() - before;
  if (growth > GROWTH)
    throw new Finding(
      targets.map(({ name }) => name).join(', '),
      new Uint8Array(0),
      `the heap grew by ${growth} octets`,
    );
  return { targets: runs.map((run) => run.report()), characters, growth };
}

/** One input by itself, as a finding names it. */
export function replay(target: Target, input: Uint8Array): void {
  const began = performance.now();
  try {
    target.run(input);
  } catch (error) {
    throw new Finding(target.name, input, error instanceof Error ? error.message : String(error), error);
  }
  const milliseconds = performance.now() - began;
  if (milliseconds > SLOW) throw new Finding(target.name, input, `it took ${milliseconds.toFixed(0)} ms`);
}

class Run {
  readonly #target: Target;
  readonly #options: FuzzOptions;
  readonly #chance: Chance;
  readonly #mutator: Mutator;
  readonly #corpus: Uint8Array[];
  readonly #wanted: number;
  #done = 0;
  #milliseconds = 0;
  #found = 0;

  constructor(target: Target, options: FuzzOptions, index: number) {
    this.#target = target;
    this.#options = options;
    this.#chance = new Chance(options.seed + index);
    this.#mutator = new Mutator(this.#chance, target.words);
    this.#corpus = [...target.seeds];
    this.#wanted = Math.ceil((options.inputs * target.share) / 1000);
  }

  explore(coverage: Coverage): void {
    for (const seed of this.#target.seeds) this.#one(seed);
    coverage.look();
    const until = this.#wanted / EXPLORERS;
    while (this.#done < until) {
      const batch: Uint8Array[] = [];
      for (let count = 0; count < BATCH; count++) {
        const input = this.#mutator.mutate(this.#corpus);
        batch.push(input);
        this.#one(input);
      }
      if (coverage.look() === 0) continue;
      this.#found += 1;
      for (const input of batch) {
        if (this.#corpus.length < LARGEST_CORPUS) this.#corpus.push(input);
        else this.#corpus[this.#chance.below(LARGEST_CORPUS)] = input;
      }
    }
  }

  /** Goes on until that part of the inputs is through. */
  go(part: number): void {
    while (this.#done < this.#wanted * part) this.#one(this.#mutator.mutate(this.#corpus));
  }

  report(): TargetReport {
    const { name: target } = this.#target;
    return { target, inputs: this.#done, milliseconds: this.#milliseconds, found: this.#found };
  }

  #one(input: Uint8Array): void {
    this.#done += 1;
    this.#options.beginning?.(this.#target.name, input);
    const began = performance.now();
    try {
      this.#target.run(input);
    } catch (error) {
      throw new Finding(
        this.#target.name,
        input,
        error instanceof Error ? error.message : String(error),
        error,
      );
    }
    const milliseconds = performance.now() - began;
    this.#milliseconds += milliseconds;
    // The machine may have been elsewhere; the input may not be slow twice.
    if (milliseconds > SLOW) replay(this.#target, input);
  }
}

function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}
