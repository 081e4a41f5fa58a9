// Bodies that are too large for the database: a file each, written while the bytes arrive and synced, with its folder,
// before a commit can name it. A name begins with the id of the store that wrote it, so that others leave it alone.

import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PosthouseError } from '@posthouse/core';
import { BODIES_FOLDER } from './body-folder.ts';
import { posthouseError } from './posthouse-error.ts';

const READ_SIZE = 65_536;

export class BodyFiles {
  readonly #folder: string;
  readonly #owner: number;
  readonly #folders = new Set<string>();
  readonly #removals = new Set<Promise<void>>();
  #made = 0;

  /** @param owner the id under which this store is registered: no two stores ever have the same. */
  constructor(path: string, owner: number) {
    this.#folder = join(path, BODIES_FOLDER);
    this.#owner = owner;
  }

  nextName(): string {
    const made = this.#made++;
    return `${(made % 256).toString(16).padStart(2, '0')}/${this.#owner}-${made.toString(36)}`;
  }

  async create(name: string): Promise<FileHandle> {
    const path = join(this.#folder, name);
    const folder = dirname(path);
    if (!this.#folders.has(folder)) {
      if ((await mkdir(folder, { recursive: true })) !== undefined) await syncFolder(this.#folder);
      this.#folders.add(folder);
    }
    return open(path, 'wx', 0o600);
  }

  /** Makes the name of a file durable. */
  async syncName(name: string): Promise<void> {
    await syncFolder(dirname(join(this.#folder, name)));
  }

  /**
   * What cannot be removed now is removed at the next start.
   * @param after what must have come to its end before, well or not.
   */
  remove(name: string, after?: Promise<void>): void {
    const gone = (): Promise<void> => unlink(join(this.#folder, name));
    const removal: Promise<void> = (after === undefined ? gone() : after.then(gone, gone)).then(
      () => void this.#removals.delete(removal),
      () => void this.#removals.delete(removal),
    );
    this.#removals.add(removal);
  }

  /** Resolves when nothing is being removed any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#removals);
  }

  async *read(name: string, size: number): AsyncGenerator<Uint8Array> {
    const path = join(this.#folder, name);
    const handle = await open(path, 'r').catch((error: { code?: unknown }) => {
      if (error.code === 'ENOENT')
        throw new PosthouseError('message-missing', `${path} is gone`, { cause: error });
      throw posthouseError(error, `read ${path}`);
    });
    try {
      for (let position = 0; position < size; ) {
        const buffer = Buffer.allocUnsafeSlow(Math.min(READ_SIZE, size - position));
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
        if (bytesRead === 0)
          throw new PosthouseError('store-failed', `${path} ends after ${position} of ${size} octets`);
        yield bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead);
        position += bytesRead;
      }
    } finally {
      await handle.close();
    }
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
