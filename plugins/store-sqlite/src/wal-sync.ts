// Makes what is in the write-ahead log durable without holding up the event loop: SQLite writes the log, this syncs
// it in the thread pool. A sync of any descriptor of a file covers all that was written to the file before.

import { close, closeSync, fdatasync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';

export interface SyncedLog {
  /** Resolves when all that was committed before the call is durable. One at a time. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export class WalSync implements SyncedLog {
  readonly #descriptor: number;

  /** @param file the log of an open database that has committed something: SQLite keeps the file until it closes. */
  constructor(file: string) {
    this.#descriptor = openSync(file, 'r+');
    syncFolder(dirname(file));
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#descriptor, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => close(this.#descriptor, () => resolve()));
  }
}

/** The log's name must be as durable as its content. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
