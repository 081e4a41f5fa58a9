// The database file: its tables, its version, and the settings that make a commit durable.
// Refuses what it does not understand; never begins anew over something that was there.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BODIES_FOLDER, listBodies } from './body-folder.ts';
import { StoreFailure, storeFailure } from './failure.ts';

export const DATABASE_FILE = 'queue.sqlite';
const SCHEMA_VERSION = 1;
/** "PHQ1" */
const APPLICATION_ID = 0x50485131;

/** Lanes that an operator has suspended. Queues that were made before there were any get the table when they are opened. */
const SUSPENDED = `
  CREATE TABLE IF NOT EXISTS suspended (
    transport TEXT NOT NULL,
    destination TEXT NOT NULL,
    since REAL NOT NULL,
    PRIMARY KEY (transport, destination)
  ) WITHOUT ROWID, STRICT;
`;

// `message` has a rowid so that long bodies lie in overflow pages of a table's leaf; its text id is a second, small
// tree. `body` stands last: reading what is in front of it never touches those pages.
// `item_due` holds only what may be taken, so that a message delivered at once never enters it; `item_leased` only
// what is being delivered. `lane.head` is at most the due time of the lane's first takable item: `take` walks lanes
// by it and passes a lane that is left out in one step, however many items it has.
const TABLES = `
  CREATE TABLE message (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL,
    size INTEGER NOT NULL,
    file TEXT,
    body BLOB
  ) STRICT;
  CREATE INDEX message_file ON message (file) WHERE file IS NOT NULL;

  CREATE TABLE item (
    id TEXT PRIMARY KEY,
    message TEXT NOT NULL,
    transport TEXT NOT NULL,
    destination TEXT NOT NULL,
    state INTEGER NOT NULL,
    due REAL NOT NULL,
    owner INTEGER,
    lease_until REAL,
    rest TEXT NOT NULL
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX item_message ON item (message);
  CREATE INDEX item_due ON item (transport, destination, due) WHERE lease_until IS NULL AND state = 0;
  CREATE INDEX item_leased ON item (lease_until) WHERE lease_until IS NOT NULL;
  CREATE INDEX item_held ON item (state) WHERE state = 1;

  CREATE TABLE lane (
    transport TEXT NOT NULL,
    destination TEXT NOT NULL,
    head REAL NOT NULL,
    PRIMARY KEY (transport, destination)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX lane_head ON lane (head);

  CREATE TABLE owner (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pid INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE damaged (
    key INTEGER PRIMARY KEY,
    item TEXT NOT NULL,
    message TEXT NOT NULL,
    reason TEXT NOT NULL,
    content TEXT NOT NULL
  ) STRICT;
  CREATE INDEX damaged_message ON damaged (message);

${SUSPENDED}
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** Who makes a commit durable: SQLite with each COMMIT, or the caller, who syncs the log before he promises anything. */
export type SyncedBy = 'commit' | 'caller';

// FULL: each commit syncs the WAL. NORMAL: only checkpoints do, the database included. A checkpoint follows every 2,000 pages (8 MiB), so the WAL stays near that; what
// one huge batch made of it beyond 32 MiB is cut off again.
const settings = (synced: SyncedBy): string => `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = ${synced === 'commit' ? 'FULL' : 'NORMAL'};
  PRAGMA wal_autocheckpoint = 2000;
  PRAGMA journal_size_limit = 33554432;
  PRAGMA cache_size = -16384;
  PRAGMA temp_store = MEMORY;
  PRAGMA cell_size_check = ON;
`;

/** How long a transaction of another process is waited for, in milliseconds. */
const BUSY_TIMEOUT = 5_000;

/** Opens the queue's database in its folder, or makes it where there has been none. */
export function openDatabase(folder: string, synced: SyncedBy): DatabaseSync {
  const path = join(folder, DATABASE_FILE);
  refuseLostDatabase(folder, path);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT });
    const version = readVersion(db, path);
    db.exec(settings(synced));
    if (version === 0) createTables(db);
    else db.exec(SUSPENDED);
    return db;
  } catch (error) {
    db?.close();
    throw storeFailure(
      error,
      `open ${path} as a queue (it is left as it is: restore it, or move it away to begin anew)`,
    );
  }
}

function refuseLostDatabase(folder: string, path: string): void {
  if (existsSync(path)) return;
  if (listBodies(folder).next().done) return;
  throw new StoreFailure(
    'store-failed',
    `${path} is missing, but ${join(folder, BODIES_FOLDER)} holds bodies of its messages: restore it, or move the folder away to begin anew`,
  );
}

/** 0 for a database without tables. */
function readVersion(db: DatabaseSync, path: string): number {
  const version = pragma(db, 'user_version');
  const tables = db.prepare('SELECT count(*) AS n FROM sqlite_schema').get() as { n: number };
  if (tables.n === 0) return 0;
  if (pragma(db, 'application_id') !== APPLICATION_ID) {
    throw new StoreFailure('store-failed', `${path} is a database, but not a queue of Posthouse`);
  }
  if (version !== SCHEMA_VERSION) {
    throw new StoreFailure(
      'store-failed',
      `${path} was written by another version of this plugin (schema ${version}, this one knows ${SCHEMA_VERSION})`,
    );
  }
  return version;
}

function createTables(db: DatabaseSync): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    // Another process may have been quicker.
    if (pragma(db, 'user_version') === 0) db.exec(TABLES);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function pragma(db: DatabaseSync, name: string): number {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0] as number;
}
