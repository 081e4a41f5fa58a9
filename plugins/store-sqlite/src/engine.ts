// The queue in SQL, synchronous: it runs on the main thread or in a worker, one call at a time.
// Not for: promises, batches, or the bytes of large bodies.

import { statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { QueueCounts, QueueEntry, QueueFilter, Suspension, TakeRequest } from '@posthouse/core';
import { BODIES_FOLDER, makeFolders, removeOrphans } from './body-folder.ts';
import { StoreFailure, storeFailure } from './failure.ts';
import { Lanes } from './lanes.ts';
import { Listing } from './listing.ts';
import { deadOwners, forgetOwner, Owner } from './owners.ts';
import {
  type ChangeRows,
  decodeEntry,
  type EntryRow,
  type ItemRow,
  type MessageRow,
  WAITING,
} from './rows.ts';
import { openDatabase, type SyncedBy } from './schema.ts';
import { compileStatements, type Statements } from './statements.ts';

export interface EngineOptions {
  /** The queue's folder, absolute. */
  readonly path: string;
  /** Octets of free disk below which nothing new is put. */
  readonly keepFree: number;
}

export interface CommitReport {
  /** One for each change, undefined for those that are durable now. */
  readonly failures: readonly (StoreFailure | undefined)[];
  /** Body files that no row names any more. */
  readonly files: readonly string[];
}

/** An entry that was set aside. */
export interface Damage {
  readonly entry: string;
  readonly text: string;
}

export interface Taken {
  readonly entries: readonly QueueEntry[];
  readonly damaged: readonly Damage[];
}

/** Some items in id order, which may fit the filter or not. `last` is where to go on, undefined at the end. */
export interface Slice extends Taken {
  readonly last: string | undefined;
}

export type StoredBody = { readonly bytes: Uint8Array } | { readonly file: string; readonly size: number };

/** What the engine must be asked for; the worker's client answers the same with promises. */
export interface EngineCalls {
  commit(changes: readonly ChangeRows[]): CommitReport;
  take(request: TakeRequest): Taken;
  renew(leaseUntil: number): void;
  body(message: string): StoredBody | undefined;
  find(filter: QueueFilter, after: string | undefined): Slice;
  counts(): QueueCounts;
  suspended(): readonly Suspension[];
  close(): void;
}

export class Engine implements EngineCalls {
  readonly #path: string;
  readonly #keepFree: number;
  readonly #db: DatabaseSync;
  readonly #owner: Owner;
  readonly #lanes: Lanes;
  readonly #listing: Listing;
  readonly #sql: Statements;

  /** Opens the queue: frees the leases of stores that are dead, and removes the files that they left half-written. */
  constructor({ path, keepFree }: EngineOptions, synced: SyncedBy = 'commit') {
    this.#path = path;
    this.#keepFree = keepFree;
    try {
      makeFolders(path);
    } catch (error) {
      throw storeFailure(error, `make the folder ${path}`);
    }
    this.#db = openDatabase(path, synced);
    try {
      this.#sql = compileStatements(this.#db);
      this.#lanes = new Lanes(this.#db);
      this.#listing = new Listing(this.#db);
      this.#owner = this.#transaction('register with the queue', () => Owner.register(this.#db, path));
    } catch (error) {
      this.#db.close();
      throw error;
    }
    this.#buryDead();
  }

  /** The part of a body file's name that is this store's alone. */
  get ownerId(): number {
    return this.#owner.id;
  }

  /** All changes in one transaction; should it fail, each in one of its own, so that one does not fail the others. */
  commit(changes: readonly ChangeRows[]): CommitReport {
    const files: string[] = [];
    const full = this.#lackOfRoom(changes);
    const wanted = full === undefined ? changes : changes.filter(({ put }) => put.length === 0);
    const failures = new Map<ChangeRows, StoreFailure>();
    try {
      this.#apply(wanted, files);
    } catch (error) {
      files.length = 0;
      const alone = wanted.length === 1 || !this.#canBegin();
      for (const change of wanted) {
        try {
          if (alone) throw error;
          this.#apply([change], files);
        } catch (cause) {
          failures.set(change, storeFailure(cause, 'write the queue'));
        }
      }
    }
    return {
      failures: changes.map((change) => failures.get(change) ?? (change.put.length > 0 ? full : undefined)),
      files,
    };
  }

  take(request: TakeRequest): Taken {
    const { now, leaseUntil } = request;
    const entries: QueueEntry[] = [];
    const damaged: Damage[] = [];
    const expired = this.#sql.anyExpired.get(now) !== undefined;
    if (!expired && !this.#lanes.anyDue(now)) return { entries, damaged };
    this.#transaction('take from the queue', () => {
      if (expired) {
        this.#free(this.#sql.expiredLanes.all(now));
        this.#sql.freeExpired.run(now);
      }
      this.#lanes.take(request, (row) => {
        const entry = this.#entryOf(row, damaged);
        if (entry === undefined) return false;
        this.#sql.lease.run(this.#owner.id, leaseUntil, row.id);
        entries.push(entry);
        return true;
      });
    });
    return { entries, damaged };
  }

  renew(leaseUntil: number): void {
    this.#transaction('renew leases', () => this.#sql.renew.run(leaseUntil, this.#owner.id));
  }

  body(message: string): StoredBody | undefined {
    try {
      const row = this.#sql.body.get(message) as Pick<MessageRow, 'size' | 'file' | 'body'> | undefined;
      if (row === undefined) return undefined;
      if (row.file !== null) return { file: row.file, size: row.size };
      const bytes = row.body ?? new Uint8Array(0);
      if (bytes.length === row.size) return { bytes };
    } catch (error) {
      throw storeFailure(error, `read the body of ${message}`);
    }
    throw new StoreFailure('store-failed', `The body of ${message} is not whole`);
  }

  find(filter: QueueFilter, after: string | undefined): Slice {
    const damaged: Damage[] = [];
    const { rows, last } = this.#listing.scan(filter, after);
    const entries: QueueEntry[] = [];
    const bad: EntryRow[] = [];
    for (const row of rows) {
      const decoded = decodeEntry(row, this.#fileSize);
      if ('entry' in decoded) entries.push(decoded.entry);
      else bad.push(row);
    }
    if (bad.length > 0) {
      this.#transaction('set damaged entries aside', () => {
        for (const row of bad) this.#entryOf(row, damaged);
      });
    }
    return { entries, damaged, last };
  }

  counts(): QueueCounts {
    return this.#listing.counts();
  }

  suspended(): readonly Suspension[] {
    const rows = this.#sql.suspended.all() as unknown as readonly (Suspension & { transport: string })[];
    return rows.map(({ transport, destination, since }) => ({
      transport: transport === '' ? null : transport,
      destination,
      since,
    }));
  }

  close(): void {
    try {
      this.#transaction('give leases back', () => this.#dismiss(this.#owner.id));
      this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } finally {
      this.#db.close();
      this.#owner.release();
    }
  }

  #buryDead(): void {
    try {
      const dead = this.#transaction('free the leases of dead processes', () => {
        const ids = deadOwners(this.#db, this.#path, this.#owner.id);
        for (const id of ids) this.#dismiss(id);
        return ids;
      });
      for (const id of dead) forgetOwner(this.#path, id);
      const alive = new Set((this.#sql.owners.all() as unknown as { id: number }[]).map(({ id }) => id));
      removeOrphans(
        this.#path,
        (owner, file) => alive.has(owner) || this.#sql.fileInUse.get(file) !== undefined,
      );
    } catch (error) {
      this.#db.close();
      this.#owner.release();
      throw storeFailure(error, 'clear up after a process that has died');
    }
  }

  #dismiss(owner: number): void {
    this.#free(this.#sql.ownedLanes.all(owner));
    this.#sql.freeOwned.run(owner);
    this.#sql.removeOwner.run(owner);
  }

  #free(lanes: readonly unknown[]): void {
    for (const lane of lanes as { transport: string; destination: string; due: number }[]) {
      this.#lanes.touch(lane.transport, lane.destination, lane.due);
    }
    this.#lanes.flush();
  }

  #lackOfRoom(changes: readonly ChangeRows[]): StoreFailure | undefined {
    if (this.#keepFree === 0 || !changes.some(({ put }) => put.length > 0)) return undefined;
    const { bavail, bsize } = statfsSync(this.#path);
    if (bavail * bsize >= this.#keepFree) return undefined;
    return new StoreFailure('store-full', `Less than ${this.#keepFree} octets are free for ${this.#path}`);
  }

  /** Whether it is worth trying again: not when another process does not let go of the database. */
  #canBegin(): boolean {
    try {
      this.#sql.begin.run();
      this.#sql.rollback.run();
      return true;
    } catch {
      return false;
    }
  }

  #apply(changes: readonly ChangeRows[], files: string[]): void {
    if (changes.length === 0) return;
    const before = files.length;
    try {
      this.#transaction('write the queue', () => {
        for (const change of changes) this.#change(change, files);
      });
    } catch (error) {
      files.length = before;
      throw error;
    }
  }

  #change({ put, add, update, progress, remove, suspend, resume }: ChangeRows, files: string[]): void {
    const sql = this.#sql;
    for (const { id, record, size, file, body, leaseUntil, items } of put) {
      sql.putMessage.run(id, record, size, file, body);
      const owner = leaseUntil === null ? null : this.#owner.id;
      for (const item of items) this.#putItem(item, owner, leaseUntil);
    }
    for (const item of add) if (sql.hasMessage.get(item[1]) !== undefined) this.#putItem(item, null, null);
    for (const [id, , transport, destination, state, due, rest] of update) {
      const { changes } = sql.update.run(transport, destination, state, due, rest, id);
      if (changes === 1 && state === WAITING) this.#lanes.touch(transport, destination, due);
    }
    for (const [id, , transport, destination, state, due, rest] of progress) {
      const { changes } = sql.progress.run(transport, destination, state, due, rest, id);
      // Only where nobody holds the lease does it matter to whoever takes next.
      if (changes === 1 && sql.isFree.get(id) !== undefined) this.#lanes.touch(transport, destination, due);
    }
    for (const [id, message] of remove) {
      if (sql.removeItem.run(id).changes === 0) continue;
      if (sql.removeInline.run(message).changes === 1) continue;
      const gone = sql.removeFiled.get(message) as { file: string } | undefined;
      if (gone !== undefined) files.push(gone.file);
    }
    for (const lane of suspend) sql.suspend.run(...lane);
    for (const lane of resume) sql.resume.run(...lane);
  }

  #putItem(item: ItemRow, owner: number | null, leaseUntil: number | null): void {
    const [id, message, transport, destination, state, due, rest] = item;
    this.#sql.putItem.run(id, message, transport, destination, state, due, owner, leaseUntil, rest);
    if (leaseUntil === null && state === WAITING) this.#lanes.touch(transport, destination, due);
  }

  /** The entry, or undefined after it was set aside: nothing is deleted, its row goes to `damaged`, its body stays. */
  #entryOf(row: EntryRow, damaged: Damage[]): QueueEntry | undefined {
    const decoded = decodeEntry(row, this.#fileSize);
    if ('entry' in decoded) return decoded.entry;
    const { id, message, transport, destination, state, due, rest } = row;
    if (this.#sql.removeItem.run(id).changes === 0) return undefined;
    const content = JSON.stringify({ transport, destination, state, due, rest });
    this.#sql.setAside.run(id, message, decoded.damage, content);
    damaged.push({ entry: id, text: decoded.damage });
    return undefined;
  }

  readonly #fileSize = (file: string): number | undefined =>
    statSync(join(this.#path, BODIES_FOLDER, file), { throwIfNoEntry: false })?.size;

  #transaction<T>(doing: string, work: () => T): T {
    try {
      this.#sql.begin.run();
      const result = work();
      this.#lanes.flush();
      this.#sql.commit.run();
      return result;
    } catch (error) {
      this.#lanes.forget();
      // SQLite itself rolls back after some failures, a full disk among them.
      if (this.#db.isTransaction) this.#sql.rollback.run();
      throw storeFailure(error, doing);
    }
  }
}
