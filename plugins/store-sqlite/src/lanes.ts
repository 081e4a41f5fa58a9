// Whose turn it is: takes due items lane by lane, the longest due first, at a cost that does not depend on how many
// items wait in the lanes that are left out. To be called in a transaction.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { TakeRequest } from '@posthouse/core';
import { ENTRY_COLUMNS, type EntryRow, transportName } from './rows.ts';

interface LaneRow {
  readonly transport: string;
  readonly destination: string;
  readonly head: number;
}

interface ItemKey {
  readonly due: number;
  readonly id: string;
}

/** The due items of one lane, their keys fetched from the index a few at a time. */
interface Cursor {
  readonly lane: LaneRow;
  keys: readonly ItemKey[];
  next: number;
  fetched: number;
  /** The lane's row does not tell its first item any more. */
  stale: boolean;
  /** Items that are wanted of it. */
  room: number;
}

const LANES_AT_A_TIME = 64;
const FIRST_FETCH = 4;
const LARGEST_FETCH = 256;

export class Lanes {
  readonly #due: StatementSync;
  readonly #lanes: StatementSync;
  readonly #keys: StatementSync;
  readonly #entry: StatementSync;
  readonly #first: StatementSync;
  readonly #raise: StatementSync;
  readonly #settle: StatementSync;
  readonly #drop: StatementSync;
  readonly #suspended: StatementSync;
  /** Lanes that got a takable item in this transaction, with its due time. */
  readonly #touched = new Map<string, LaneRow>();

  constructor(db: DatabaseSync) {
    const takable =
      'item.transport = ? AND item.destination = ? AND item.lease_until IS NULL AND item.state = 0';
    this.#due = db.prepare('SELECT 1 FROM lane WHERE head <= ? LIMIT 1');
    this.#lanes = db.prepare(
      `SELECT transport, destination, head FROM lane
       WHERE head <= ? AND (head, transport, destination) > (?, ?, ?)
       ORDER BY head, transport, destination LIMIT ${LANES_AT_A_TIME}`,
    );
    this.#keys = db.prepare(
      `SELECT due, id FROM item INDEXED BY item_due
       WHERE ${takable} AND due <= ? AND (due, id) > (?, ?) ORDER BY due, id LIMIT ?`,
    );
    this.#entry = db.prepare(
      `SELECT ${ENTRY_COLUMNS} FROM item LEFT JOIN message ON message.id = item.message WHERE item.id = ?`,
    );
    this.#first = db.prepare(
      `SELECT due FROM item INDEXED BY item_due WHERE ${takable} ORDER BY due LIMIT 1`,
    );
    this.#raise = db.prepare(
      `INSERT INTO lane (transport, destination, head) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET head = excluded.head WHERE excluded.head < head`,
    );
    this.#settle = db.prepare('UPDATE lane SET head = ? WHERE transport = ? AND destination = ?');
    this.#suspended = db.prepare('SELECT transport, destination FROM suspended');
    this.#drop = db.prepare('DELETE FROM lane WHERE transport = ? AND destination = ?');
  }

  /** Whether any lane may have something due: `take` then has a reason to begin. */
  anyDue(now: number): boolean {
    return this.#due.get(now) !== undefined;
  }

  /** An item of this lane can be taken from now on. Written by `flush`, once for all items of a lane. */
  touch(transport: string, destination: string, due: number): void {
    const key = laneKey(transport, destination);
    const known = this.#touched.get(key);
    if (known === undefined || due < known.head)
      this.#touched.set(key, { transport, destination, head: due });
  }

  flush(): void {
    if (this.#touched.size === 0) return;
    for (const { transport, destination, head } of this.#touched.values())
      this.#raise.run(transport, destination, head);
    this.#touched.clear();
  }

  /** The transaction was rolled back. */
  forget(): void {
    this.#touched.clear();
  }

  /**
   * Offers due items one by one, until `limit` of them were accepted.
   * @param accept leases the item and answers true, or sets it aside and answers false.
   */
  take({ now, limit, except, rooms }: TakeRequest, accept: (row: EntryRow) => boolean): void {
    const closed = new Set(except.map((lane) => laneKey(transportName(lane.transport), lane.destination)));
    for (const { transport, destination } of this.#suspended.all() as unknown as LaneRow[])
      closed.add(laneKey(transport, destination));
    const few = new Map(
      rooms?.map(({ transport, destination, room }) => [
        laneKey(transportName(transport), destination),
        room,
      ]),
    );
    const roomOf = (lane: LaneRow): number =>
      few.size === 0 ? limit : (few.get(laneKey(lane.transport, lane.destination)) ?? limit);
    const opened: Cursor[] = [];
    const cursors: Cursor[] = [];
    const lanes = this.#openLanes(now, closed);
    let lane = lanes.next().value;
    for (let accepted = 0; accepted < limit; ) {
      // A lane's head may be too early, never too late: it is opened as soon as it could come first.
      const soonest = cursors.at(-1);
      if (lane !== undefined && (soonest === undefined || lane.head < keyOf(soonest).due)) {
        const cursor: Cursor = { lane, keys: [], next: 0, fetched: 0, stale: false, room: roomOf(lane) };
        opened.push(cursor);
        if (this.#refill(cursor, now)) insert(cursors, cursor);
        cursor.stale = cursor.keys[0]?.due !== lane.head;
        lane = lanes.next().value;
        continue;
      }
      if (soonest === undefined) break;
      cursors.pop();
      soonest.stale = true;
      if (accept(this.#entry.get(keyOf(soonest).id) as unknown as EntryRow)) {
        accepted += 1;
        soonest.room -= 1;
        if (soonest.room === 0) continue;
      }
      soonest.next += 1;
      if (soonest.next < soonest.keys.length || this.#refill(soonest, now)) insert(cursors, soonest);
    }
    for (const cursor of opened) if (cursor.stale) this.#correct(cursor.lane);
  }

  /** The lanes that may have something due, by their heads. Read page by page, before any of them is changed. */
  *#openLanes(now: number, closed: ReadonlySet<string>): Generator<LaneRow, undefined> {
    let after: LaneRow = { transport: '', destination: '', head: Number.NEGATIVE_INFINITY };
    for (;;) {
      const { head, transport, destination } = after;
      const page = this.#lanes.all(now, head, transport, destination) as unknown as LaneRow[];
      for (const lane of page) if (!closed.has(laneKey(lane.transport, lane.destination))) yield lane;
      if (page.length < LANES_AT_A_TIME) return undefined;
      after = page.at(-1) as LaneRow;
    }
  }

  #refill(cursor: Cursor, now: number): boolean {
    const { lane, keys, fetched } = cursor;
    const last = keys.at(-1);
    // A page that was not full was the last one.
    if (last !== undefined && keys.length < fetched) return false;
    const count = Math.min(LARGEST_FETCH, Math.max(FIRST_FETCH, 2 * fetched));
    const { due, id } = last ?? { due: Number.NEGATIVE_INFINITY, id: '' };
    cursor.keys = this.#keys.all(
      lane.transport,
      lane.destination,
      now,
      due,
      id,
      count,
    ) as unknown as ItemKey[];
    cursor.next = 0;
    cursor.fetched = count;
    return cursor.keys.length > 0;
  }

  #correct({ transport, destination }: LaneRow): void {
    const first = this.#first.get(transport, destination) as { due: number } | undefined;
    if (first === undefined) this.#drop.run(transport, destination);
    else this.#settle.run(first.due, transport, destination);
  }
}

function keyOf({ keys, next }: Cursor): ItemKey {
  return keys[next] as ItemKey;
}

/** Keeps the cursors sorted, the soonest last. */
function insert(cursors: Cursor[], cursor: Cursor): void {
  const { due, id } = keyOf(cursor);
  let [low, high] = [0, cursors.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = keyOf(cursors[middle] as Cursor);
    if (other.due > due || (other.due === due && other.id > id)) low = middle + 1;
    else high = middle;
  }
  cursors.splice(low, 0, cursor);
}

function laneKey(transport: string, destination: string): string {
  return `${transport}\u0000${destination}`;
}
