// Whatever is pending shares one transaction, one transaction runs at a time, and each change has its own answer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommitReport } from '../src/engine.ts';
import { StoreFailure } from '../src/failure.ts';
import { GroupCommit } from '../src/group-commit.ts';
import type { ChangeRows } from '../src/rows.ts';

const change = (weight = 1): ChangeRows => ({
  put: [],
  add: [],
  update: [],
  progress: [],
  remove: [],
  suspend: [],
  resume: [],
  weight,
  onlyRemoves: false,
});
/** Enough turns of the loop for a transaction to begin. */
async function quiet(): Promise<void> {
  for (let turns = 0; turns < 6; turns++) await new Promise(setImmediate);
}
const removal = (): ChangeRows => ({ ...change(), onlyRemoves: true });
const allGood = (changes: readonly ChangeRows[]): CommitReport => ({
  failures: changes.map(() => undefined),
  files: [],
});

test('all changes of one turn of the loop share a transaction', async () => {
  const batches: number[] = [];
  const commits = new GroupCommit(
    (changes) => {
      batches.push(changes.length);
      return allGood(changes);
    },
    () => undefined,
  );
  await Promise.all([change(), change(), change()].map((one) => commits.add(one)));
  assert.deepEqual(batches, [3]);
});

test('removals ride along with the next change that somebody waits for', async () => {
  const batches: number[] = [];
  const commits = new GroupCommit(
    (changes) => {
      batches.push(changes.length);
      return allGood(changes);
    },
    () => undefined,
  );
  const removals = [commits.add(removal()), commits.add(removal())];
  await quiet();
  assert.deepEqual(batches, []);
  await Promise.all([...removals, commits.add(change())]);
  assert.deepEqual(batches, [3]);
});

test('removals that nobody joins are written all the same, at once when the store closes', async () => {
  let written = 0;
  const commits = new GroupCommit(
    (changes) => {
      written += changes.length;
      return allGood(changes);
    },
    () => undefined,
  );
  await commits.add(removal());
  assert.equal(written, 1);
  void commits.add(removal());
  await commits.settled();
  assert.equal(written, 2);
});

test('what comes while a transaction is written goes into the next one', async () => {
  const batches: ChangeRows[][] = [];
  const gates: (() => void)[] = [];
  const commits = new GroupCommit(
    (changes) => {
      batches.push([...changes]);
      return new Promise((resolve) => gates.push(() => resolve(allGood(changes))));
    },
    () => undefined,
  );
  const first = commits.add(change());
  await quiet();
  const others = [commits.add(change()), commits.add(change())];
  await quiet();
  assert.deepEqual(
    batches.map(({ length }) => length),
    [1],
  );
  gates[0]?.();
  await first;
  await quiet();
  assert.deepEqual(
    batches.map(({ length }) => length),
    [1, 2],
  );
  gates[1]?.();
  await Promise.all(others);
  await commits.settled();
});

test('a batch is bounded in octets', async () => {
  const batches: number[] = [];
  const commits = new GroupCommit(
    (changes) => {
      batches.push(changes.length);
      return allGood(changes);
    },
    () => undefined,
  );
  await Promise.all(Array.from({ length: 5 }, () => commits.add(change(4 * 1024 * 1024))));
  assert.deepEqual(batches, [2, 2, 1]);
});

test('each change hears its own failure, and unneeded files are named', async () => {
  const failure = new StoreFailure('store-full', 'no room');
  const unneeded: string[] = [];
  const commits = new GroupCommit(
    () => ({ failures: [undefined, failure], files: ['00/1-0'] }),
    (file) => unneeded.push(file),
  );
  assert.deepEqual(await Promise.all([commits.add(change()), commits.add(change())]), [undefined, failure]);
  assert.deepEqual(unneeded, ['00/1-0']);
});

test('a writer that throws fails its batch and no other', async () => {
  let calls = 0;
  const commits = new GroupCommit(
    (changes) => {
      if (calls++ === 0) throw new Error('gone');
      return allGood(changes);
    },
    () => undefined,
  );
  assert.equal((await commits.add(change()))?.code, 'store-failed');
  assert.equal(await commits.add(change()), undefined);
});
