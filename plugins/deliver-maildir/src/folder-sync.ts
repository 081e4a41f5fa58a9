// Makes new names in a folder durable, once for all who ask at the same time: deliveries to a busy mailbox share syncs.

import { close, fsync, open } from 'node:fs';
import { promisify } from 'node:util';

const files = { open: promisify(open), fsync: promisify(fsync), close: promisify(close) };

export class FolderSync {
  /** Of each folder in work the round that runs, and the one behind it that new callers join. */
  readonly #rounds = new Map<string, { readonly running: Promise<void>; next: Promise<void> | undefined }>();

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
    const running = syncFolder(folder);
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
export async function syncFolder(folder: string): Promise<void> {
  const handle = await files.open(folder, 'r');
  try {
    await files.fsync(handle);
  } finally {
    await files.close(handle);
  }
}
