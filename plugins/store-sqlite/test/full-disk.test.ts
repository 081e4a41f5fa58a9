// A full disk refuses what does not fit, spoils nothing, and is forgotten once there is room.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PosthouseError } from '@posthouse/core';
import { MAIN, type Options, openAt, temporaryFolder, WORKER } from './opened-stores.ts';
import { drafted, item, put, read, takenIds } from './samples.ts';

const MIB = 1024 * 1024;

/** Runs on a file system of 16 MiB; where none can be mounted, the test is skipped. */
async function onSmallDisk(context: TestContext, proof: (path: string) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', folder.path]);
  if (status !== 0) {
    folder.remove();
    return context.skip('mounting a small file system needs root');
  }
  try {
    await proof(folder.path);
  } finally {
    spawnSync('umount', ['-l', folder.path]);
    folder.remove();
  }
}

const isFull = (error: unknown): boolean => PosthouseError.is(error, 'store-full');

/** Leaves about that much room. */
function fillUp(path: string, leave: number): () => void {
  const { bavail, bsize } = statfsSync(path);
  const file = join(path, 'ballast');
  writeFileSync(file, Buffer.alloc(bavail * bsize - leave));
  return () => rmSync(file);
}

for (const options of [MAIN, WORKER] as Options[]) {
  test(`commits are refused as store-full, and go on when there is room again (${options.thread})`, async (context) =>
    onSmallDisk(context, async (path) => {
      const store = await openAt(path, options);
      await put(store, [item('before')], 'm-before', 100_000);
      const makeRoom = fillUp(path, MIB);
      const stored = ['before'];
      let refused = 0;
      for (let turn = 0; turn < 20; turn++) {
        const id = `i${100 + turn}`;
        try {
          await put(store, [item(id)], `m-${id}`, 200_000);
          stored.push(id);
        } catch (error) {
          assert.ok(isFull(error), String(error));
          refused += 1;
        }
      }
      assert.ok(refused > 0);
      assert.equal((await store.counts()).messages, stored.length);
      makeRoom();
      await put(store, [item('later')], 'm-later', 200_000);
      await store.close();
      const again = await openAt(path);
      assert.deepEqual((await takenIds(again)).sort(), [...stored, 'later'].sort());
      assert.equal((await read(again.body('m-before'))).length, 100_000);
      await again.close();
    }));

  test(`one huge message does not fail those committed beside it (${options.thread})`, async (context) =>
    onSmallDisk(context, async (path) => {
      const store = await openAt(path, { ...options, inlineBelow: 8 * MIB });
      await put(store, [item('before')]);
      const makeRoom = fillUp(path, 2 * MIB);
      const results = await Promise.allSettled([
        put(store, [item('a')]),
        put(store, [item('huge')], 'm-huge', 4 * MIB),
        put(store, [item('b')]),
      ]);
      assert.deepEqual(
        results.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
      assert.ok(isFull((results[1] as PromiseRejectedResult).reason));
      assert.deepEqual((await takenIds(store)).sort(), ['a', 'b', 'before']);
      makeRoom();
      await store.close();
    }));

  test(`a draft that finds no room is refused while it is written, and leaves none of it taken (${options.thread})`, async (context) =>
    onSmallDisk(context, async (path) => {
      const store = await openAt(path, options);
      const free = statfsSync(path).bavail;
      const draft = store.draft();
      await assert.rejects(async () => {
        for (let turn = 0; turn < 400; turn++) await draft.write(Buffer.alloc(65_536));
        await draft.finish();
      }, isFull);
      draft.discard();
      draft.discard();
      await store.close();
      assert.ok(statfsSync(path).bavail >= free - 16);
    }));
}

test('below the reserve nothing new is put, while deliveries are still recorded', async (context) =>
  onSmallDisk(context, async (path) => {
    const store = await openAt(path, { ...MAIN, keepFree: 8 * MIB });
    const first = item('a', { message: 'm' });
    await put(store, [first, item('b')], 'm');
    const makeRoom = fillUp(path, 7 * MIB);
    await assert.rejects(put(store, [item('c')]), isFull);
    await store.commit({ update: [{ ...first, attempts: 1 }] });
    await store.commit({ remove: [first] });
    assert.deepEqual(await takenIds(store), ['b']);
    makeRoom();
    await put(store, [item('c')]);
    (await drafted(store, 10)).discard();
    await store.close();
  }));
