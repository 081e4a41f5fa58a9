// Files that are read at the start, and again when they have changed. A faulty change is told, and what was read before
// still holds.

import { readFile, stat } from 'node:fs/promises';
import { type Clock, type Logger, PosthouseError, type Timer } from '@posthouse/core';

/** Milliseconds between two looks at the files. */
const LOOK_EVERY = 5_000;
/** Problems named at once. */
const MAX_NAMED = 10;

export interface LiveFile {
  readonly path: string;
  /** Takes the text; returns what is wrong with it, and then has changed nothing. */
  use(text: string): readonly string[];
}

export class LiveFiles {
  readonly #files: readonly LiveFile[];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #seen = new Map<LiveFile, string>();
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;

  constructor(files: readonly LiveFile[], clock: Clock, log: Logger) {
    this.#files = files;
    this.#clock = clock;
    this.#log = log;
  }

  /** Rejects with `config-invalid` where a file cannot be read or has a fault; each is named with its line. */
  async start(): Promise<void> {
    for (const file of this.#files) {
      this.#seen.set(file, await stampOf(file.path));
      await load(file);
    }
    if (this.#files.length === 0) return;
    this.#timer = this.#clock.every(LOOK_EVERY, () => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    });
  }

  async stop(): Promise<void> {
    this.#timer?.stop();
    await this.#looking;
  }

  async #look(): Promise<void> {
    for (const file of this.#files) {
      try {
        const stamp = await stampOf(file.path);
        if (stamp === this.#seen.get(file)) continue;
        // A bad file is complained of once, not every five seconds.
        this.#seen.set(file, stamp);
        await load(file);
        this.#log.info({ file: file.path }, 'read again');
      } catch (error) {
        this.#log.error(
          { file: file.path, error: (error as Error).message },
          'the file is not used, what it said before still holds',
        );
      }
    }
  }
}

async function load(file: LiveFile): Promise<void> {
  let text: string;
  try {
    text = await readFile(file.path, 'utf8');
  } catch (cause) {
    throw new PosthouseError('config-invalid', `file ${file.path} cannot be read`, { cause });
  }
  const problems = file.use(text);
  if (problems.length === 0) return;
  const more = problems.length > MAX_NAMED ? [`and ${problems.length - MAX_NAMED} more`] : [];
  throw new PosthouseError('config-invalid', [...problems.slice(0, MAX_NAMED), ...more].join('\n'));
}

/** Changes when the file does, also when another one takes its place, or none. */
async function stampOf(path: string): Promise<string> {
  try {
    const { mtimeNs, size, ino } = await stat(path, { bigint: true });
    return `${mtimeNs} ${size} ${ino}`;
  } catch {
    return 'missing';
  }
}
