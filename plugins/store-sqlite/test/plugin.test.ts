// The plugin: provides the queue, opens it at the start and not before, closes it at the end.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { QueueStore } from '@posthouse/core';
import storeSqlite from '../src/index.ts';
import { quiet, recordingSink, temporaryFolder } from './opened-stores.ts';
import { item, put, takenIds } from './samples.ts';

test('the queue is there between start and stop, and setup touches nothing', async () => {
  const folder = temporaryFolder();
  try {
    const path = join(folder.path, 'var', 'queue');
    const config = { path, inlineBelow: 262_144, keepFree: 0, thread: 'auto' };
    const body = storeSqlite.plugin.setup({ config, events: recordingSink(), log: quiet });
    const queue = body.services?.queue as QueueStore;
    assert.deepEqual(readdirSync(folder.path), []);
    await assert.rejects(queue.commit({}), /not open/);
    await body.start?.();
    await put(queue, [item('a')]);
    assert.deepEqual(await takenIds(queue), ['a']);
    await body.stop?.();
    await assert.rejects(queue.counts(), /not open/);
    assert.deepEqual(readdirSync(path).sort(), ['bodies', 'owners', 'queue.sqlite']);
    assert.deepEqual(readdirSync(join(path, 'owners')), []);
  } finally {
    folder.remove();
  }
});
