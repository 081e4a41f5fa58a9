// Notices that files were saved: by looking at them, which works for every editor and every file system. What is saved
// in one go, by an editor or by git, is told once.

import { statSync } from 'node:fs';
import type { Clock, Timer } from '../contract/index.ts';

/** Milliseconds between two looks. */
export const LOOK_EVERY = 100;
/** Looks after which a burst of saves that has not ended is told all the same. */
export const MOST_LOOKS = 5;

/** What a file is known by; the same as long as nobody saves it. */
export type Stamp = string;

export class Saves {
  readonly #clock: Clock;
  readonly #stampOf: (path: string) => Stamp;
  readonly #stamps = new Map<string, Stamp>();
  readonly #saved = new Set<string>();
  #looks = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, stampOf: (path: string) => Stamp = fileStamp) {
    this.#clock = clock;
    this.#stampOf = stampOf;
  }

  get files(): readonly string[] {
    return [...this.#stamps.keys()];
  }

  /** What is saved from now on is told; also of a file that is not there yet. */
  add(path: string): void {
    if (!this.#stamps.has(path)) this.#stamps.set(path, this.#stampOf(path));
  }

  /** @param then told of the files that were saved; while it is busy, more are gathered for the next time. */
  start(then: (paths: readonly string[]) => Promise<void>): void {
    let busy = false;
    this.#timer = this.#clock.every(LOOK_EVERY, () => {
      if (!this.#isComplete() || busy) return;
      const paths = [...this.#saved];
      this.#saved.clear();
      this.#looks = 0;
      busy = true;
      void then(paths).finally(() => {
        busy = false;
      });
    });
  }

  stop(): void {
    this.#timer?.stop();
  }

  /** Looks at the files. @returns whether something was saved and the burst has ended, or lasts too long */
  #isComplete(): boolean {
    const known = this.#saved.size;
    let quiet = true;
    for (const [path, before] of this.#stamps) {
      const stamp = this.#stampOf(path);
      if (stamp === before) continue;
      this.#stamps.set(path, stamp);
      this.#saved.add(path);
      quiet = false;
    }
    if (this.#saved.size === 0) return false;
    if (known > 0) this.#looks += 1;
    return quiet || this.#looks >= MOST_LOOKS;
  }
}

function fileStamp(path: string): Stamp {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? 'missing' : `${found.mtimeNs} ${found.size} ${found.ino}`;
}
