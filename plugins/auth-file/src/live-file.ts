// The password file in use: read at the start, and again when it has changed. A faulty change keeps what was known.

import type { BigIntStats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { type Clock, type Logger, PosthouseError } from '@posthouse/core';
import { parsePasswordFile } from './password-file.ts';
import type { StoredPassword } from './schemes.ts';

/** How often a login may look whether the file has changed. */
const LOOK_AGAIN = 1000;

/** Problems named at once. */
const MAX_NAMED = 10;

export class LiveFile {
  users: ReadonlyMap<string, StoredPassword> = new Map();
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  #version = '';
  #lookedAt = 0;
  #looking: Promise<void> | undefined;

  constructor(path: string, clock: Clock, log: Logger) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
  }

  /** Rejects where the file cannot be read or has a fault. One that is not there yet has no users. */
  async start(): Promise<void> {
    this.#lookedAt = this.#clock.now();
    const found = await statOrNothing(this.#path);
    if (found === undefined) {
      this.#log.warn(
        { path: this.#path },
        'no password file yet: nobody can log in; posthouse passwd makes it',
      );
      return;
    }
    await this.#read(found);
    if ((found.mode & 0o077n) !== 0n)
      this.#log.warn(
        { path: this.#path },
        'other users of this machine may read the password file; chmod 600 it',
      );
  }

  /** Resolves when what has changed is known. Never rejects: who was known stays known while the file is faulty. */
  refreshed(): Promise<void> {
    if (this.#looking !== undefined) return this.#looking;
    if (this.#clock.now() - this.#lookedAt < LOOK_AGAIN) return Promise.resolve();
    this.#lookedAt = this.#clock.now();
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    try {
      const found = await statOrNothing(this.#path);
      if (found === undefined && this.#version === '') return;
      if (found === undefined) throw new Error(`${this.#path} is gone`);
      if (versionOf(found) === this.#version) return;
      await this.#read(found);
      this.#log.info({ path: this.#path, users: this.users.size }, 'password file read again');
    } catch (error) {
      this.#log.error(
        { path: this.#path, error: (error as Error).message },
        'the password file is kept as it was',
      );
    }
  }

  async #read(found: BigIntStats): Promise<void> {
    // A faulty version is named once, not at each login.
    this.#version = versionOf(found);
    const { users, problems } = parsePasswordFile(await readFile(this.#path, 'utf8'));
    if (problems.length > 0) {
      const named = problems.slice(0, MAX_NAMED).map((problem) => `${this.#path}:${problem}`);
      const more = problems.length - named.length;
      throw new PosthouseError(
        'plugin-start-failed',
        [...named, ...(more > 0 ? [`and ${more} more`] : [])].join('\n'),
      );
    }
    this.users = users;
  }
}

function versionOf({ ino, size, mtimeNs }: BigIntStats): string {
  return `${ino} ${size} ${mtimeNs}`;
}

async function statOrNothing(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
