// How much of the core's own code has run: V8's precise coverage, asked over the inspector of the own thread.

import { type Profiler, Session } from 'node:inspector';

export class Coverage implements Disposable {
  readonly #session = new Session();
  /** For each function which of its characters have run. */
  readonly #functions = new Map<string, Uint8Array>();
  #characters = 0;

  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    // Whether, not how often; counted anew after each look.
    this.#session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true });
    this.look();
  }

  /** Characters of code that have run. */
  get characters(): number {
    return this.#characters;
  }

  /** How many characters ran for the first time since the last look. */
  look(): number {
    let result: readonly Profiler.ScriptCoverage[] = [];
    // On its own thread the inspector answers before `post` returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error) throw error;
      result = taken.result;
    });
    const before = this.#characters;
    for (const { url, functions } of result) {
      if (!url.includes('/core/dist/src/')) continue;
      for (const { ranges } of functions) this.#add(url, ranges);
    }
    return this.#characters - before;
  }

  /** The first range is the whole function; those in it say what ran otherwise than what is around them. */
  #add(url: string, ranges: readonly Profiler.CoverageRange[]): void {
    const [whole] = ranges;
    if (whole === undefined || whole.count === 0) return;
    const { startOffset, endOffset } = whole;
    const ran = new Uint8Array(endOffset - startOffset);
    for (const range of ranges)
      ran.fill(Math.min(range.count, 1), range.startOffset - startOffset, range.endOffset - startOffset);
    const key = `${url}:${startOffset}-${endOffset}`;
    const known = this.#functions.get(key);
    if (known === undefined) this.#functions.set(key, ran);
    ran.forEach((is, at) => {
      if (is === 0 || known?.[at] === 1) return;
      this.#characters += 1;
      if (known !== undefined) known[at] = 1;
    });
  }

  [Symbol.dispose](): void {
    this.#session.post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }
}
