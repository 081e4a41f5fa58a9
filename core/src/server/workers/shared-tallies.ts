// The tallies of admission in memory that several threads share: each writes its own lane and reads all. Counts are kept
// in count-min sketches of fixed size: a count is never too low, and too high only where strangers share all four cells.
// A lane has one writer, so nothing is locked, and what a dead thread had counted is taken out by clearing its lane.

import type { Clock } from '../../contract/index.ts';
import { minuteOf, type Tallies, type Tally, withinMinute } from '../../reception/index.ts';

/** Cells by which one key is counted, each in a row of its own. */
const ROWS = 4;
/** Cells in a row. A power of two. With 20,000 addresses connected, one in two hundred is counted too high, by one. */
const WIDTH = 65_536;
const SKETCH = ROWS * WIDTH;

// A lane: total, beat, the minutes of the two arrival sketches, then the sketches.
const TOTAL = 0;
const BEAT = 1;
const MINUTES = 2;
const HEAD = 4;
const ADDRESSES = HEAD;
const NETWORKS = ADDRESSES + SKETCH;
const ARRIVALS = NETWORKS + SKETCH;
const LANE = ARRIVALS + 2 * SKETCH;

export class SharedTallies implements Tallies {
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #lanes: number;
  readonly #own: number;
  readonly #seed: number;
  readonly #clock: Clock;
  readonly addresses: Tally;
  readonly networks: Tally;
  readonly #places = new Int32Array(ROWS);

  /** Memory for so many threads, all zero. */
  static memory(lanes: number): SharedArrayBuffer {
    return new SharedArrayBuffer(lanes * LANE * Int32Array.BYTES_PER_ELEMENT);
  }

  /**
   * @param lane the one that this thread writes
   * @param seed the same in all threads, and unknown to clients
   */
  constructor(memory: SharedArrayBuffer, lane: number, seed: number, clock: Clock) {
    this.#cells = new Int32Array(memory);
    this.#lanes = this.#cells.length / LANE;
    this.#own = lane * LANE;
    this.#seed = seed | 0;
    this.#clock = clock;
    this.addresses = this.#tally(ADDRESSES);
    this.networks = this.#tally(NETWORKS);
  }

  get total(): number {
    let sum = 0;
    for (let lane = 0; lane < this.#lanes; lane++) sum += this.#read(lane * LANE + TOTAL);
    return sum;
  }

  raiseTotal(): number {
    Atomics.add(this.#cells, this.#own + TOTAL, 1);
    return this.total;
  }

  lowerTotal(): void {
    Atomics.sub(this.#cells, this.#own + TOTAL, 1);
  }

  arrived(who: string): number {
    const now = this.#clock.now();
    const minute = minuteOf(now);
    const even = minute & 1;
    const sketch = ARRIVALS + even * SKETCH;
    if (this.#read(this.#own + MINUTES + even) !== minute) {
      this.#cells.fill(0, this.#own + sketch, this.#own + sketch + SKETCH);
      Atomics.store(this.#cells, this.#own + MINUTES + even, minute);
    }
    const places = this.#placesOf(who);
    for (const place of places) Atomics.add(this.#cells, this.#own + sketch + place, 1);
    const before = this.#sum(
      places,
      ARRIVALS + (1 - even) * SKETCH,
      (lane) => this.#read(lane + MINUTES + (1 - even)) === minute - 1,
    );
    const current = this.#sum(places, sketch, (lane) => this.#read(lane + MINUTES + even) === minute);
    return withinMinute(current, before, now);
  }

  /** This thread is alive and takes its turns. */
  beat(): void {
    Atomics.add(this.#cells, this.#own + BEAT, 1);
  }

  /** How often the thread of a lane has said so. */
  beatsOf(lane: number): number {
    return this.#read(lane * LANE + BEAT);
  }

  /** Open connections that the thread of a lane has counted. */
  totalOf(lane: number): number {
    return this.#read(lane * LANE + TOTAL);
  }

  /** The thread of the lane is dead, and its connections with it; who came within the last minute has come. */
  clear(lane: number): void {
    const start = lane * LANE;
    this.#cells.fill(0, start, start + MINUTES);
    this.#cells.fill(0, start + ADDRESSES, start + ARRIVALS);
  }

  #tally(sketch: number): Tally {
    return {
      raise: (key) => {
        const places = this.#placesOf(key);
        for (const place of places) Atomics.add(this.#cells, this.#own + sketch + place, 1);
        return this.#sum(places, sketch);
      },
      lower: (key) => {
        for (const place of this.#placesOf(key)) Atomics.sub(this.#cells, this.#own + sketch + place, 1);
      },
    };
  }

  /** What all threads have counted at the least crowded of the places. */
  #sum(places: Int32Array, sketch: number, counts?: (lane: number) => boolean): number {
    let least = Number.POSITIVE_INFINITY;
    for (const place of places) {
      let sum = 0;
      for (let lane = 0; lane < this.#cells.length; lane += LANE)
        if (counts === undefined || counts(lane)) sum += this.#read(lane + sketch + place);
      if (sum < least) least = sum;
    }
    return least;
  }

  /** One cell in each row, by two hashes (FNV-1a, begun with the seed and its complement). Good until the next call. */
  #placesOf(key: string): Int32Array {
    let one = this.#seed ^ 0x811c9dc5;
    let other = ~this.#seed;
    for (let index = 0; index < key.length; index++) {
      const code = key.charCodeAt(index);
      one = Math.imul(one ^ code, 0x01000193);
      other = Math.imul(other ^ code, 0x01000193);
      other ^= other >>> 13;
    }
    one ^= one >>> 15;
    for (let row = 0; row < ROWS; row++)
      this.#places[row] = row * WIDTH + ((one + Math.imul(row, other | 1)) & (WIDTH - 1));
    return this.#places;
  }

  #read(index: number): number {
    return Atomics.load(this.#cells, index);
  }
}
