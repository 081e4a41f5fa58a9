// Who holds leases: one row for each open store, with a file that it keeps locked as long as it lives. The lock goes
// with the process, however it ends, so there is no guessing by process ids.

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isBusy } from './failure.ts';

const OWNERS_FOLDER = 'owners';

export class Owner {
  readonly id: number;
  readonly #lock: DatabaseSync;
  readonly #file: string;

  private constructor(id: number, lock: DatabaseSync, file: string) {
    this.id = id;
    this.#lock = lock;
    this.#file = file;
  }

  /** To be called in a transaction: nobody sees the row before its file is locked. */
  static register(db: DatabaseSync, folder: string): Owner {
    mkdirSync(join(folder, OWNERS_FOLDER), { recursive: true });
    const { lastInsertRowid } = db.prepare('INSERT INTO owner (pid) VALUES (?)').run(process.pid);
    const id = Number(lastInsertRowid);
    const file = lockFile(folder, id);
    const lock = tryLock(file);
    if (lock === undefined) throw new Error(`${file} is locked by somebody else`);
    return new Owner(id, lock, file);
  }

  /** The lock ends; the row should be gone by then. */
  release(): void {
    this.#lock.close();
    rmSync(this.#file, { force: true });
  }
}

/** The owners whose process is gone. To be called in a transaction; whoever deletes the rows calls `forgetOwner`. */
export function deadOwners(db: DatabaseSync, folder: string, self: number): number[] {
  const others = db.prepare('SELECT id FROM owner WHERE id <> ?').all(self) as unknown as { id: number }[];
  return others
    .map(({ id }) => id)
    .filter((id) => {
      const lock = tryLock(lockFile(folder, id));
      lock?.close();
      return lock !== undefined;
    });
}

export function forgetOwner(folder: string, id: number): void {
  rmSync(lockFile(folder, id), { force: true });
}

/** An SQLite file, because its locks work alike on every system and between the threads of one process. */
function tryLock(file: string): DatabaseSync | undefined {
  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    db.exec('BEGIN EXCLUSIVE');
    return db;
  } catch (error) {
    db.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}

function lockFile(folder: string, id: number): string {
  return join(folder, OWNERS_FOLDER, `${id}.lock`);
}
