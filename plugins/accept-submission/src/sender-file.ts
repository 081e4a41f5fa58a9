// The sender file: `user: sender, sender`, one user a line, `#` comments; looked at again while the server runs.

import { readFile, stat } from 'node:fs/promises';
import { type Clock, type Logger, PosthouseError, type Timer } from '@posthouse/core';
import type { SenderEntry } from './sender-table.ts';

/** Milliseconds between two looks at the file. */
const LOOK_EVERY = 5_000;

/** Throws a PosthouseError `config-invalid` that names the line. */
export function* parseSenderFile(text: string, file: string): Generator<SenderEntry> {
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.replace(/(^|\s)#.*$/, '').trim();
    if (line === '') continue;
    const where = `${file}:${index + 1}`;
    const [, user = '', list = ''] = /^([^:]*):(.*)$/.exec(line) ?? [];
    const senders = list.split(',').map((sender) => sender.trim());
    if (user.trim() === '' || senders.some((sender) => sender === ''))
      throw new PosthouseError('config-invalid', `${where}: expected "user: sender, sender", got "${line}"`);
    yield { user: user.trim(), senders, where };
  }
}

export interface SenderFileOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Takes what the file says, or throws: then what it said before still holds. */
  readonly use: (entries: readonly SenderEntry[]) => void;
}

/** Reads the file at the start, and again whenever it has changed. */
export class SenderFile {
  readonly #options: SenderFileOptions;
  #seen = '';
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: SenderFileOptions) {
    this.#options = options;
  }

  /** Rejects with `config-invalid` when the file cannot be read or a line of it is wrong. */
  async start(): Promise<void> {
    this.#seen = await this.#stamp();
    await this.#load();
    this.#timer = this.#options.clock.every(LOOK_EVERY, () => {
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
    const { path, log } = this.#options;
    try {
      const stamp = await this.#stamp();
      if (stamp === this.#seen) return;
      // A bad file is complained of once, not every five seconds.
      this.#seen = stamp;
      await this.#load();
      log.info({ file: path }, 'senders read again');
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      log.error({ file: path, error: text }, 'the sender file is not used, what it said before still holds');
    }
  }

  async #load(): Promise<void> {
    const { path, use } = this.#options;
    use([...parseSenderFile(await this.#read(), path)]);
  }

  async #read(): Promise<string> {
    try {
      return await readFile(this.#options.path, 'utf8');
    } catch (cause) {
      throw new PosthouseError('config-invalid', `file ${this.#options.path} cannot be read`, { cause });
    }
  }

  /** Changes when the file does, also when another one takes its place, or none. */
  async #stamp(): Promise<string> {
    try {
      const { mtimeNs, size, ino } = await stat(this.#options.path, { bigint: true });
      return `${mtimeNs} ${size} ${ino}`;
    } catch {
      return 'missing';
    }
  }
}
