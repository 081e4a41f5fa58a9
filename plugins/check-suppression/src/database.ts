// The file of the list: its schema, and how it is opened. Several processes share it: the server and the command line.

import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

/** Milliseconds to wait for another process that writes. */
const BUSY = 5000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS suppressed (
    address TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    until INTEGER,
    source TEXT NOT NULL,
    class TEXT,
    text TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS suppressed_until ON suppressed (until);
  CREATE TABLE IF NOT EXISTS failures (
    address TEXT NOT NULL,
    at INTEGER NOT NULL,
    class TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (address, at)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS failures_at ON failures (at);
  PRAGMA user_version = 1;
`;

/** Throws where the file is no list, or one of a later version. */
export function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    // NORMAL: a power cut may cost the last failures, and never the file. None of it is mail.
    database.exec(`PRAGMA busy_timeout = ${BUSY}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;`);
    const { user_version: version } = database.prepare('PRAGMA user_version').get() as {
      user_version: number;
    };
    if (version > 1) throw new Error(`${path} was written by a later version of check-suppression`);
    database.exec(SCHEMA);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** To look things up, leaving the disk as it is; an empty one in memory where there is no file. */
export function openToRead(path: string): DatabaseSync {
  if (!existsSync(path)) return openDatabase(':memory:');
  const url = pathToFileURL(path);
  // While nobody has it open, SQLite would make files beside it only to look, and leave them there.
  if (!existsSync(`${path}-wal`)) url.search = '?immutable=1';
  return new DatabaseSync(url, { readOnly: true, timeout: BUSY });
}
