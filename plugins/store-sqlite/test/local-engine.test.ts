// The engine on the main thread: a commit is promised only after the log is on disk, and what a failed sync leaves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalEngine } from '../src/local-engine.ts';
import { encodeChange } from '../src/rows.ts';
import type { SyncedLog } from '../src/wal-sync.ts';
import { temporaryFolder } from './opened-stores.ts';
import { item, NOW, record } from './samples.ts';

/** A log whose syncs end when, and as, the test says. */
class ScriptedLog implements SyncedLog {
  readonly waiting: { succeed(): void; fail(error: Error): void }[] = [];

  sync(): Promise<void> {
    return new Promise((succeed, fail) => this.waiting.push({ succeed, fail }));
  }

  async close(): Promise<void> {}
}

const putOf = (id: string) =>
  encodeChange(
    { put: [{ message: record(`m-${id}`), body: NO_BODY, items: [item(id)], leaseUntil: undefined }] },
    [{ size: 0, file: null, body: new Uint8Array(0) }],
  );
const NO_BODY = { size: 0, inMemory: [], open: () => EMPTY, discard: () => undefined };
const EMPTY: AsyncIterable<Uint8Array> = (async function* () {})();

function engineWith(log: SyncedLog) {
  const folder = temporaryFolder();
  const engine = new LocalEngine({ path: folder.path, keepFree: 0 }, () => log);
  return {
    engine,
    async [Symbol.asyncDispose]() {
      await engine.close();
      folder.remove();
    },
  };
}

const found = (engine: LocalEngine): string[] =>
  engine.find({}, undefined).entries.map((entry) => entry.item.id);

test('a commit is promised only when its sync has succeeded', async () => {
  const log = new ScriptedLog();
  await using opened = engineWith(log);
  let promised = false;
  const commit = opened.engine.commit([putOf('a')]).then((report) => {
    promised = true;
    return report;
  });
  await new Promise(setImmediate);
  assert.equal(promised, false);
  log.waiting[0]?.succeed();
  assert.deepEqual((await commit).failures, [undefined]);
  assert.deepEqual(found(opened.engine), ['a']);
});

test('when the sync fails every change hears of it, and what was put is taken back', async () => {
  const log = new ScriptedLog();
  await using opened = engineWith(log);
  const first = opened.engine.commit([putOf('a')]);
  log.waiting[0]?.succeed();
  await first;
  const update = encodeChange({ update: [item('a', { due: NOW + 5000, attempts: 1 })] }, []);
  const commit = opened.engine.commit([putOf('b'), update]);
  log.waiting[1]?.fail(Object.assign(new Error('i/o error'), { code: 'EIO' }));
  const { failures } = await commit;
  assert.deepEqual(
    failures.map((failure) => failure?.code),
    ['store-failed', 'store-failed'],
  );
  assert.match(failures[0]?.message ?? '', /Could not sync the queue: i\/o error/);
  assert.deepEqual(found(opened.engine), ['a']);
});

test('a sync that finds no room is a full store', async () => {
  const log = new ScriptedLog();
  await using opened = engineWith(log);
  const commit = opened.engine.commit([putOf('a')]);
  log.waiting[0]?.fail(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
  assert.equal((await commit).failures[0]?.code, 'store-full');
  assert.deepEqual(found(opened.engine), []);
});

test('nothing is synced where nothing was written', async () => {
  const log = new ScriptedLog();
  await using opened = engineWith(log);
  const broken = { ...putOf('a'), put: [{ ...(putOf('a').put[0] as object), id: null }] };
  const { failures } = await opened.engine.commit([broken as unknown as ReturnType<typeof putOf>]);
  assert.equal(failures[0]?.code, 'store-failed');
  assert.equal(log.waiting.length, 0);
});
