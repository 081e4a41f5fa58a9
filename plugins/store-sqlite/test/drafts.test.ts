// Large bodies: bounded memory while they arrive, no file left when nobody wants them, none missing when somebody does.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MAIN, openAt, temporaryFolder } from './opened-stores.ts';
import { drafted, item, put, read, record } from './samples.ts';

const KIB = 1024;

function files(path: string): number {
  return readdirSync(join(path, 'bodies'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.includes('-'),
  ).length;
}

test('a writer that is faster than the disk is asked to wait, long before a mebibyte is unwritten', async () => {
  const folder = temporaryFolder();
  const store = await openAt(folder.path);
  try {
    const draft = store.draft();
    let written = 0;
    let wait: Promise<void> | undefined;
    while (wait === undefined) {
      wait = draft.write(Buffer.alloc(16 * KIB));
      written += 16 * KIB;
      assert.ok(written < 1024 * KIB);
    }
    await wait;
    const body = await draft.finish();
    assert.equal(body.size, written);
    assert.equal(body.inMemory, undefined);
    body.discard();
  } finally {
    await store.close();
    assert.equal(files(folder.path), 0);
    folder.remove();
  }
});

test('a body up to the inline limit has no file, one octet more has', async () => {
  const folder = temporaryFolder();
  const store = await openAt(folder.path, { ...MAIN, inlineBelow: 1000 });
  try {
    await put(store, [item('a')], 'm-a', 1000);
    assert.equal(files(folder.path), 0);
    await put(store, [item('b')], 'm-b', 1001);
    assert.equal(files(folder.path), 1);
    assert.equal((await read(store.body('m-b'))).length, 1001);
  } finally {
    await store.close();
    folder.remove();
  }
});

test('a body that comes octet by octet is kept exactly', async () => {
  const folder = temporaryFolder();
  const store = await openAt(folder.path, { ...MAIN, inlineBelow: 10_000 });
  try {
    for (const size of [9_999, 20_000]) {
      const draft = store.draft();
      for (let at = 0; at < size; at++) await draft.write(Uint8Array.of(at % 251));
      const body = await draft.finish();
      assert.ok((await read(body.open())).equals(Uint8Array.from({ length: size }, (_, at) => at % 251)));
      body.discard();
    }
  } finally {
    await store.close();
    folder.remove();
  }
});

test('the file goes with the message, after the commit', async () => {
  const folder = temporaryFolder();
  const store = await openAt(folder.path);
  try {
    await put(store, [item('a')], 'm-a', 300_000);
    assert.equal(files(folder.path), 1);
    await store.commit({ remove: [item('a')] });
  } finally {
    await store.close();
    assert.equal(files(folder.path), 0);
    folder.remove();
  }
});

test('drafts discarded at any moment leave no file', async () => {
  const folder = temporaryFolder();
  const store = await openAt(folder.path);
  try {
    const begun = store.draft();
    const wait = begun.write(Buffer.alloc(700_000));
    begun.discard();
    await wait;
    const finishing = store.draft();
    await finishing.write(Buffer.alloc(300_000));
    const finished = finishing.finish();
    finishing.discard();
    await assert.rejects(async () => finished);
    (await drafted(store, 300_000)).discard();
    const lateOne = store.draft();
    await lateOne.write(Buffer.alloc(300_000));
    await lateOne.finish();
    lateOne.discard();
    const kept = store.draft();
    await kept.write(Buffer.alloc(300_000));
    const body = await kept.finish();
    await store.commit({
      put: [{ message: record('m-a'), body, items: [item('a')], leaseUntil: undefined }],
    });
    kept.discard();
  } finally {
    await store.close();
    assert.equal(files(folder.path), 1);
    folder.remove();
  }
});

test('commits that are pending when the store closes are durable', async () => {
  const folder = temporaryFolder();
  const store = await openAt(folder.path);
  const bodies = await Promise.all([1, 2, 3].map((size) => drafted(store, size)));
  const pending = Promise.all(
    bodies.map((body, index) => {
      const one = item(`i${index}`);
      return store.commit({
        put: [{ message: record(one.message), body, items: [one], leaseUntil: undefined }],
      });
    }),
  );
  await store.close();
  await pending;
  const again = await openAt(folder.path);
  assert.equal((await again.counts()).messages, 3);
  await again.close();
  folder.remove();
});
