// One file of the trace: pages and the words that lead to them, in SQLite. Written by one thread, read by anybody.
// A trace may lose its last moments with the power, and nothing else: the queue is what must not.

import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Page } from './pages.ts';

const TABLES = `
  CREATE TABLE IF NOT EXISTS page (
    key INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    at REAL NOT NULL,
    events TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS page_subject ON page (subject);
  CREATE TABLE IF NOT EXISTS mention (
    word TEXT NOT NULL,
    page INTEGER NOT NULL,
    PRIMARY KEY (word, page)
  ) WITHOUT ROWID, STRICT;
`;

export class SegmentWriter {
  readonly #db: DatabaseSync;
  readonly #putPage: StatementSync;
  readonly #putMention: StatementSync;

  /** Opens the file, or makes it. Throws what SQLite throws. */
  constructor(file: string) {
    this.#db = new DatabaseSync(file, { timeout: 5000 });
    this.#db.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 2000;',
    );
    this.#db.exec(TABLES);
    this.#putPage = this.#db.prepare('INSERT INTO page (subject, at, events) VALUES (?, ?, ?)');
    this.#putMention = this.#db.prepare('INSERT OR IGNORE INTO mention VALUES (?, ?)');
  }

  /** All pages or none of them. */
  write(pages: readonly Page[]): void {
    this.#db.exec('BEGIN');
    try {
      for (const { subject, at, words, events } of pages) {
        const { lastInsertRowid } = this.#putPage.run(subject, at, events);
        for (const word of words) this.#putMention.run(word, lastInsertRowid);
      }
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#db.close();
  }
}

export type StoredPage = Pick<Page, 'subject' | 'at' | 'events'>;

export class SegmentReader {
  readonly #db: DatabaseSync;
  readonly #about: StatementSync;
  readonly #mentioning: StatementSync;

  /** Throws what SQLite throws, for a file that is no segment too. */
  constructor(file: string) {
    this.#db = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
    try {
      this.#about = this.#db.prepare(
        'SELECT subject, at, events FROM page WHERE subject = ? ORDER BY key LIMIT ?',
      );
      this.#mentioning = this.#db.prepare(
        `SELECT subject, at, events FROM page WHERE key IN
          (SELECT page FROM mention WHERE word = ? ORDER BY page DESC LIMIT ?) ORDER BY key DESC`,
      );
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** The oldest first. */
  about(subject: string, limit: number): readonly StoredPage[] {
    return this.#about.all(subject, limit) as unknown as readonly StoredPage[];
  }

  /** The newest first. */
  mentioning(word: string, limit: number): readonly StoredPage[] {
    return this.#mentioning.all(word, limit) as unknown as readonly StoredPage[];
  }

  close(): void {
    this.#db.close();
  }
}
