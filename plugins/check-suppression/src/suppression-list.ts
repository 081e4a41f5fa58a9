// The list: who is on it, for how long and why; and the failures that may lead there. Durable, bounded, and asked anew
// each time, so that what the command line changes counts at once.

import type { DatabaseSync, StatementSync } from 'node:sqlite';

export interface Entry {
  /** `ann@example.org`, or `@example.org` for a whole domain. */
  readonly address: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** null: for ever. */
  readonly until: number | null;
  readonly source: 'bounces' | 'complaints' | 'operator';
  readonly class: string | null;
  readonly text: string;
}

export interface Failure {
  readonly address: string;
  readonly at: number;
  readonly class: string;
  /** Untrusted. */
  readonly text: string;
}

export interface ListRules {
  readonly failures: number;
  /** Milliseconds, as `keep`. */
  readonly within: number;
  readonly keep: number;
  readonly maxAddresses: number;
}

/** The class of a complaint, in the place of a BounceClass: one is enough. */
export const COMPLAINT = 'complaint';

/** Failures so close to the last one say nothing new. */
const APART = 3_600_000;
/** Characters of a reply that are kept. */
const LONGEST = 300;

export class SuppressionList {
  readonly #database: DatabaseSync;
  readonly #find: StatementSync;
  readonly #put: StatementSync;
  readonly #last: StatementSync;
  readonly #note: StatementSync;
  readonly #count: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    const prepare = (sql: string): StatementSync => this.#database.prepare(sql);
    this.#find = prepare(
      'SELECT * FROM suppressed WHERE address IN (?, ?) AND (until IS NULL OR until > ?) ORDER BY address DESC LIMIT 1',
    );
    this.#put = prepare(
      'INSERT OR REPLACE INTO suppressed (address, since, until, source, class, text) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#last = prepare('SELECT max(at) AS at FROM failures WHERE address = ?');
    this.#note = prepare('INSERT OR IGNORE INTO failures (address, at, class, text) VALUES (?, ?, ?, ?)');
    this.#count = prepare('SELECT count(*) AS count FROM failures WHERE address = ? AND at > ?');
  }

  /** The entry of the address, or of its domain. */
  find(address: string, now: number): Entry | undefined {
    const domain = address.slice(address.lastIndexOf('@'));
    return this.#find.get(address, domain, now) as Entry | undefined;
  }

  put({ address, since, until, source, class: given, text }: Entry): void {
    this.#put.run(address, since, until, source, given, text.slice(0, LONGEST));
  }

  /** @returns false when it was not there */
  remove(address: string): boolean {
    this.#database.prepare('DELETE FROM failures WHERE address = ?').run(address);
    return this.#database.prepare('DELETE FROM suppressed WHERE address = ?').run(address).changes > 0;
  }

  /** Counts failures, all in one change of the file. @returns the addresses that came onto the list by them */
  note(failures: readonly Failure[], rules: ListRules): readonly string[] {
    const added: string[] = [];
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      for (const failure of failures) if (this.#noteOne(failure, rules)) added.push(failure.address);
      this.#database.exec('COMMIT');
      return added;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  failuresOf(address: string): readonly Failure[] {
    return this.#database
      .prepare('SELECT * FROM failures WHERE address = ? ORDER BY at')
      .all(address) as unknown as readonly Failure[];
  }

  /** By address, from the one behind `after`. */
  page(now: number, limit: number, after = ''): readonly Entry[] {
    return this.#database
      .prepare(
        'SELECT * FROM suppressed WHERE address > ? AND (until IS NULL OR until > ?) ORDER BY address LIMIT ?',
      )
      .all(after, now, limit) as unknown as readonly Entry[];
  }

  /** Takes off what has expired and what is too much. */
  purge(now: number, { within, maxAddresses }: ListRules): void {
    const run = (sql: string, ...values: number[]): unknown => this.#database.prepare(sql).run(...values);
    run('DELETE FROM suppressed WHERE until <= ?', now);
    run('DELETE FROM failures WHERE at <= ?', now - within);
    run(
      `DELETE FROM suppressed WHERE address IN
        (SELECT address FROM suppressed WHERE source <> 'operator' ORDER BY since DESC LIMIT -1 OFFSET ?)`,
      maxAddresses,
    );
    run(
      'DELETE FROM failures WHERE at < (SELECT at FROM failures ORDER BY at DESC LIMIT 1 OFFSET ?)',
      maxAddresses,
    );
  }

  close(): void {
    this.#database.close();
  }

  #noteOne({ address, at, class: given, text }: Failure, { failures, within, keep }: ListRules): boolean {
    if (this.find(address, at) !== undefined) return false;
    if (given === COMPLAINT) {
      this.put({ address, since: at, until: at + keep, source: 'complaints', class: given, text });
      return true;
    }
    const { at: last } = this.#last.get(address) as { at: number | null };
    if (last !== null && at - last < APART) return false;
    this.#note.run(address, at, given, text.slice(0, LONGEST));
    const { count } = this.#count.get(address, at - within) as { count: number };
    if (count < failures) return false;
    this.put({ address, since: at, until: at + keep, source: 'bounces', class: given, text });
    return true;
  }
}
