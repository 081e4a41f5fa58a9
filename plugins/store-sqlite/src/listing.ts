// The queue for people: items in id order, a bounded scan at a time, and the counts.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { QueueCounts, QueueFilter } from '@posthouse/core';
import { ENTRY_COLUMNS, type EntryRow } from './rows.ts';

/** Rows read in one go: some milliseconds. */
const SCAN = 500;

export class Listing {
  readonly #all: StatementSync;
  readonly #ofItem: StatementSync;
  readonly #ofMessage: StatementSync;
  readonly #counts: StatementSync;

  constructor(db: DatabaseSync) {
    const scan = (condition: string): StatementSync =>
      db.prepare(
        `SELECT ${ENTRY_COLUMNS} FROM item LEFT JOIN message ON message.id = item.message
         WHERE item.id > ?1 ${condition} ORDER BY item.id LIMIT ${SCAN}`,
      );
    this.#all = scan('');
    this.#ofItem = scan('AND item.id = ?2');
    this.#ofMessage = scan('AND item.message = ?2');
    this.#counts = db.prepare(
      `SELECT (SELECT count(*) FROM message) AS messages,
              (SELECT count(DISTINCT message) FROM damaged
                WHERE EXISTS (SELECT 1 FROM message WHERE id = damaged.message)
                  AND NOT EXISTS (SELECT 1 FROM item WHERE message = damaged.message)) AS aside,
              (SELECT count(*) FROM item) AS items,
              (SELECT count(*) FROM item WHERE state = 1) AS held,
              (SELECT count(*) FROM damaged) AS damaged`,
    );
  }

  /** Rows behind `after`, in the bounds of an id that is asked for; `last` is where the next scan begins, undefined at the end. */
  scan(
    filter: QueueFilter,
    after = '',
  ): { readonly rows: readonly EntryRow[]; readonly last: string | undefined } {
    const found =
      filter.item !== undefined
        ? this.#ofItem.all(after, filter.item)
        : filter.message !== undefined
          ? this.#ofMessage.all(after, filter.message)
          : this.#all.all(after);
    const rows = found as unknown as EntryRow[];
    return { rows, last: rows.length < SCAN ? undefined : rows.at(-1)?.id };
  }

  counts(): QueueCounts {
    const row = this.#counts.get() as {
      messages: number;
      aside: number;
      items: number;
      held: number;
      damaged: number;
    };
    const { messages, aside, items, held, damaged } = row;
    return { messages: messages - aside, waiting: items - held, held, damaged };
  }
}
