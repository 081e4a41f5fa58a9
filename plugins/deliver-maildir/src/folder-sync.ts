// Makes new names in a folder durable, once for all who ask at the same time: deliveries to a busy mailbox share syncs.

import { constants } from 'node:fs';
import type { FileCalls } from './file-calls.ts';

export class FolderSync {
  readonly #files: FileCalls;
  /** Of each folder in work the round that runs, and the one behind it that new callers join. */
  readonly #rounds = new Map<string, { readonly running: Promise<void>; next: Promise<void> | undefined }>();

  constructor(files: FileCalls) {
    this.#files = files;
  }

  /** When it resolves, every name that stood in the folder at the call is durable. */
  sync(folder: string): Promise<void> {
    const rounds = this.#rounds.get(folder);
    if (rounds === undefined) return this.#begin(folder);
    // The round that runs may have read the folder before our name was in it.
    rounds.next ??= rounds.running.then(
      () => this.#begin(folder),
      () => this.#begin(folder),
    );
    return rounds.next;
  }

  #begin(folder: string): Promise<void> {
    const running = syncFolder(folder, this.#files);
    const rounds = { running, next: undefined };
    this.#rounds.set(folder, rounds);
    const ended = () => {
      if (this.#rounds.get(folder) === rounds && rounds.next === undefined) this.#rounds.delete(folder);
    };
    running.then(ended, ended);
    return running;
  }
}

/** A new name survives a power cut only after a sync of its folder. */
export async function syncFolder(folder: string, files: FileCalls): Promise<void> {
  const handle = await files.open(folder, constants.O_RDONLY);
  try {
    await files.fsync(handle);
  } finally {
    await files.close(handle);
  }
}
