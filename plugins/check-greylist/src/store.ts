// The memory of the greylist: one SQLite database, bounded, that survives a restart. A lost entry costs a client one
// more wait, so nothing is synced for a message's sake. Calls are synchronous and take microseconds.

import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { Logger } from '@posthouse/core';
import type { Remembered } from './judgement.ts';
import type { Triplet } from './triplet.ts';

/** Milliseconds to wait for another process that writes. */
const BUSY = 1000;
const SCHEMA = `
  PRAGMA busy_timeout = ${BUSY};
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS triplets (
    network TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, passed INTEGER NOT NULL,
    PRIMARY KEY (network, sender, recipient)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS triplets_by_last ON triplets (last);
  CREATE TABLE IF NOT EXISTS networks (
    network TEXT PRIMARY KEY, successes INTEGER NOT NULL, last INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS networks_by_last ON networks (last);
`;

/** Entries dropped at a time when there are too many, so that this is not done for each new one. */
const DROPPED_AT_ONCE = 1000;
/**
 * Milliseconds for which what was read of a network is good: a busy one is not looked up for each mail. Another process
 * that has let a network pass is heard of so much later.
 */
const KEEP = 1000;
/** Networks at hand. */
const AT_HAND = 2000;
/** `last` is this exact: a known client costs no write for each mail. */
const REFRESH = 60 * 60_000;

export interface Success {
  readonly successes: number;
  readonly last: number;
}

type Write = Pick<StatementSync, 'run'>;

interface Statements {
  readonly find: StatementSync;
  readonly put: Write;
  readonly findNetwork: StatementSync;
  readonly putNetwork: Write;
  readonly count: StatementSync;
  readonly dropStale: Write;
  readonly dropStaleNetworks: Write;
  readonly dropOldest: Write;
  readonly dropOldestNetworks: Write;
}

export class GreylistStore {
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  readonly #room: number;
  readonly #atHand = new Map<string, { readonly success: Success | undefined; readonly read: number }>();
  #count: number;

  /**
   * Opens or makes the database. A damaged one is set aside and a new one begun.
   * @param room entries kept
   */
  static open(path: string, room: number, log: Logger): GreylistStore {
    mkdirSync(dirname(path), { recursive: true });
    try {
      return new GreylistStore(new DatabaseSync(path), room);
    } catch (error) {
      if (!isDamage(error)) throw error;
      const aside = `${path}.damaged-${process.pid}`;
      renameSync(path, aside);
      log.error(
        { path, aside, error: String(error) },
        'the greylist was damaged: it is set aside, a new one begins',
      );
      return new GreylistStore(new DatabaseSync(path), room);
    }
  }

  /** To look things up, leaving the disk as it is: what should be remembered is not. Empty where there is no file. */
  static openToRead(path: string, room: number): GreylistStore {
    if (!existsSync(path)) return new GreylistStore(new DatabaseSync(':memory:'), room);
    const url = pathToFileURL(path);
    // While nobody has it open, SQLite would make files beside it only to look, and leave them there.
    if (!existsSync(`${path}-wal`)) url.search = '?immutable=1';
    return new GreylistStore(new DatabaseSync(url, { readOnly: true, timeout: BUSY }), room, true);
  }

  private constructor(database: DatabaseSync, room: number, readOnly = false) {
    this.#database = database;
    try {
      if (!readOnly) this.#database.exec(SCHEMA);
      this.#statements = readOnly ? { ...prepare(database), ...FORGETFUL } : prepare(database);
      this.#count = this.#counted();
    } catch (error) {
      this.#database.close();
      throw error;
    }
    this.#room = room;
  }

  find({ network, sender, recipient }: Triplet): Remembered | undefined {
    const row = this.#statements.find.get(network, sender, recipient);
    return row && { first: Number(row.first), last: Number(row.last), passed: row.passed === 1 };
  }

  begin(triplet: Triplet, now: number): void {
    this.#put(triplet, { first: now, last: now, passed: false });
    this.#count += 1;
    if (this.#count > this.#room) this.#dropOldest();
  }

  pass(triplet: Triplet, { first }: Remembered, now: number): void {
    this.#put(triplet, { first, last: now, passed: true });
    const before = this.#readNetwork(triplet.network);
    this.#putNetwork(triplet.network, { successes: (before?.successes ?? 0) + 1, last: now });
  }

  refresh(triplet: Triplet, remembered: Remembered, now: number): void {
    if (now - remembered.last >= REFRESH) this.#put(triplet, { ...remembered, last: now });
  }

  network(network: string, now: number): Success | undefined {
    const known = this.#atHand.get(network);
    if (known !== undefined && Math.abs(now - known.read) < KEEP) return known.success;
    const success = this.#readNetwork(network);
    if (this.#atHand.size >= AT_HAND) this.#atHand.clear();
    this.#atHand.set(network, { success, read: now });
    return success;
  }

  refreshNetwork(network: string, { successes, last }: Success, now: number): void {
    if (now - last >= REFRESH) this.#putNetwork(network, { successes, last: now });
  }

  /** Drops what is too old to count for anything. */
  sweep(before: { readonly unpassed: number; readonly passed: number; readonly networks: number }): void {
    this.#statements.dropStale.run(before.unpassed, before.passed);
    this.#statements.dropStaleNetworks.run(before.networks);
    this.#atHand.clear();
    this.#count = this.#counted();
    if (this.#count > this.#room) this.#dropOldest();
  }

  close(): void {
    this.#database.close();
  }

  #put({ network, sender, recipient }: Triplet, { first, last, passed }: Remembered): void {
    this.#statements.put.run(network, sender, recipient, first, last, passed ? 1 : 0);
  }

  #readNetwork(network: string): Success | undefined {
    const row = this.#statements.findNetwork.get(network);
    return row && { successes: Number(row.successes), last: Number(row.last) };
  }

  #putNetwork(network: string, { successes, last }: Success): void {
    this.#statements.putNetwork.run(network, successes, last);
    this.#atHand.delete(network);
  }

  #dropOldest(): void {
    const excess = this.#count - this.#room + Math.min(DROPPED_AT_ONCE, Math.ceil(this.#room / 100));
    this.#statements.dropOldest.run(excess);
    this.#statements.dropOldestNetworks.run(this.#room);
    this.#atHand.clear();
    this.#count = this.#counted();
  }

  #counted(): number {
    return Number(this.#statements.count.get()?.count ?? 0);
  }
}

const IDLE: Write = { run: () => ({ changes: 0, lastInsertRowid: 0 }) };
const FORGETFUL = {
  put: IDLE,
  putNetwork: IDLE,
  dropStale: IDLE,
  dropStaleNetworks: IDLE,
  dropOldest: IDLE,
  dropOldestNetworks: IDLE,
};

function prepare(database: DatabaseSync): Statements {
  const statement = (sql: string): StatementSync => database.prepare(sql);
  return {
    find: statement(
      'SELECT first, last, passed FROM triplets WHERE network = ? AND sender = ? AND recipient = ?',
    ),
    put: statement('INSERT OR REPLACE INTO triplets VALUES (?, ?, ?, ?, ?, ?)'),
    findNetwork: statement('SELECT successes, last FROM networks WHERE network = ?'),
    putNetwork: statement('INSERT OR REPLACE INTO networks VALUES (?, ?, ?)'),
    count: statement('SELECT count(*) AS count FROM triplets'),
    dropStale: statement(
      'DELETE FROM triplets WHERE (passed = 0 AND first < ?) OR (passed = 1 AND last < ?)',
    ),
    dropStaleNetworks: statement('DELETE FROM networks WHERE last < ?'),
    dropOldest: statement(
      `DELETE FROM triplets WHERE (network, sender, recipient) IN
        (SELECT network, sender, recipient FROM triplets ORDER BY last LIMIT ?)`,
    ),
    dropOldestNetworks: statement(
      `DELETE FROM networks WHERE network IN
        (SELECT network FROM networks ORDER BY last DESC LIMIT -1 OFFSET ?)`,
    ),
  };
}

function isDamage(error: unknown): boolean {
  return /malformed|not a database|disk image/i.test(String(error));
}
