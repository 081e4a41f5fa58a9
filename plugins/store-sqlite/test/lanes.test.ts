// Taking past lanes that are left out costs the same however much waits in them.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { QueueItem, QueueStore } from '@posthouse/core';
import { MAIN, openAt, temporaryFolder } from './opened-stores.ts';
import { item, NOW, put } from './samples.ts';

const STUCK = { transport: 'deliver-smtp', destination: 'stuck.example' };

async function fill(store: QueueStore, count: number, make: (index: number) => QueueItem): Promise<void> {
  for (let at = 0; at < count; at += 5000) {
    const items = Array.from({ length: Math.min(5000, count - at) }, (_, index) => make(at + index));
    await put(store, items, `m${at}-${items[0]?.destination}`);
  }
}

test('a stuck lane with a hundred thousand due items in front does not slow the others down', async () => {
  const folder = temporaryFolder();
  const store = await openAt(folder.path);
  try {
    await fill(store, 100_000, (index) => item(`a${index}`, { ...STUCK, due: NOW - 200_000 + index }));
    await fill(store, 1000, (index) =>
      item(`b${index}`, { destination: `d${index % 300}.example`, due: NOW - 1000 + index }),
    );
    const before = process.cpuUsage();
    const taken = await store.take({ now: NOW, limit: 100, leaseUntil: NOW + 1, except: [STUCK] });
    const { user, system } = process.cpuUsage(before);
    assert.deepEqual(
      taken.map((entry) => entry.item.id),
      Array.from({ length: 100 }, (_, index) => `b${index}`),
    );
    assert.ok(user + system < 150_000, `${(user + system) / 1000} ms of CPU`);
  } finally {
    await store.close();
    folder.remove();
  }
});

test('every query of the hot paths is answered by an index', async () => {
  const folder = temporaryFolder();
  const store = await openAt(folder.path, MAIN);
  const db = new DatabaseSync(join(folder.path, 'queue.sqlite'));
  try {
    const plan = (sql: string): string =>
      db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map((row) => String(row.detail))
        .join('; ');
    assert.match(
      plan(`SELECT id FROM item INDEXED BY item_due WHERE transport = 'a' AND destination = 'b' AND lease_until IS NULL
            AND state = 0 AND due <= 1 ORDER BY due, id LIMIT 1`),
      /^SEARCH item USING (COVERING )?INDEX item_due \(transport=\? AND destination=\? AND due<\?\)$/,
    );
    assert.match(
      plan('SELECT 1 FROM item WHERE lease_until <= 1 LIMIT 1'),
      /^SEARCH item USING (COVERING )?INDEX item_leased/,
    );
    assert.match(
      plan('SELECT head FROM lane WHERE head <= 1 ORDER BY head LIMIT 1'),
      /^SEARCH lane USING COVERING INDEX lane_head/,
    );
  } finally {
    db.close();
    await store.close();
    folder.remove();
  }
});

test('lanes that have nothing to give leave no trace', async () => {
  const folder = temporaryFolder();
  const store = await openAt(folder.path);
  const db = new DatabaseSync(join(folder.path, 'queue.sqlite'));
  try {
    const items = [
      item('a', { destination: 'a.example' }),
      item('b', { destination: 'b.example', due: NOW + 5 }),
    ];
    await put(store, items);
    await store.take({ now: NOW, limit: 10, leaseUntil: NOW + 1, except: [] });
    assert.deepEqual(
      db
        .prepare('SELECT destination, head FROM lane')
        .all()
        .map((row) => ({ ...row })),
      [{ destination: 'b.example', head: NOW + 5 }],
    );
  } finally {
    db.close();
    await store.close();
    folder.remove();
  }
});
