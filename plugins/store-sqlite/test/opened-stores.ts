// Stores on folders of their own under the system's temporary folder, and what the tests do to those folders.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { EventSink, Events, Logger } from '@posthouse/core';
import type { OpenedStore } from '@posthouse/core/testing';
import { SqliteStore, type SqliteStoreOptions } from '../src/store.ts';

export type Options = Omit<SqliteStoreOptions, 'path'>;
export const MAIN: Options = { thread: 'main', inlineBelow: 262_144, keepFree: 0 };
export const WORKER: Options = { ...MAIN, thread: 'worker' };

export const quiet: Logger = {
  level: 'silent',
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};

export interface RecordingSink extends EventSink {
  readonly damaged: Events['entry-damaged'][];
}

export function recordingSink(): RecordingSink {
  const damaged: Events['entry-damaged'][] = [];
  return {
    damaged,
    wants: () => true,
    emit: (event, facts) => {
      if (event === 'entry-damaged') damaged.push(facts as Events['entry-damaged']);
    },
  };
}

export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'store-sqlite-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export async function openAt(
  path: string,
  options: Options = MAIN,
  events: EventSink = recordingSink(),
): Promise<SqliteStore> {
  const store = new SqliteStore({ ...options, path }, events, quiet);
  await store.open();
  return store;
}

/** What the contract's test opens. */
export async function openFor(options: Options): Promise<OpenedStore> {
  const folder = temporaryFolder();
  return opened(folder, await openAt(folder.path, options), options);
}

function opened(
  folder: ReturnType<typeof temporaryFolder>,
  store: SqliteStore,
  options: Options,
): OpenedStore {
  return {
    store,
    async close() {
      await store.close();
      folder.remove();
    },
    async reopen() {
      await store.close();
      return opened(folder, await openAt(folder.path, options), options);
    },
    async damage(message) {
      tamper(folder.path, 'UPDATE message SET record = substr(record, 2) WHERE id = ?', message);
    },
  };
}

/** Somebody else's hand in the database. */
export function tamper(path: string, sql: string, ...values: (string | number)[]): void {
  const db = new DatabaseSync(join(path, 'queue.sqlite'), { timeout: 5000 });
  db.prepare(sql).run(...values);
  db.close();
}
