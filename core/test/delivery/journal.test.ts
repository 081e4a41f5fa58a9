import assert from 'node:assert/strict';
import test from 'node:test';
import type { QueueChange, QueueItem, QueueStore } from '../../src/contract/index.ts';
import { Journal, merged } from '../../src/delivery/journal.ts';
import { fakeClock } from '../../src/testing/fake-clock.ts';
import { recordingLogger } from '../../src/testing/recording-logger.ts';
import { gate } from './room.ts';

const item = (id: string, attempts = 0): QueueItem => ({
  id,
  message: `M${id}`,
  transport: 'deliver-test',
  destination: 'a.example',
  recipients: [{ address: 'joe@a.example' }],
  state: 'waiting',
  reason: { kind: 'fresh' },
  attempts,
  due: 0,
  expires: 1,
});

const ids = (items: readonly QueueItem[] = []): string => items.map(({ id }) => id).join(' ');

function open(commit: (change: QueueChange) => Promise<void>) {
  const clock = fakeClock();
  const log = recordingLogger();
  const store = { commit } as QueueStore;
  return { clock, log, journal: new Journal(store, clock, log) };
}

test('what is recorded in one turn is one commit, and what comes while it is written is the next one', async () => {
  const commits: string[] = [];
  const first = gate<void>();
  const { journal, clock } = open((change) => {
    commits.push(ids(change.remove));
    return commits.length === 1 ? first.promise : Promise.resolve();
  });
  for (const id of ['1', '2', '3']) journal.record({ remove: [item(id)] });
  await clock.advance(0);
  journal.record({ remove: [item('4')] });
  journal.record({ remove: [item('5')] });
  first.open();
  await clock.advance(0);
  assert.deepEqual(commits, ['1 2 3', '4 5']);
});

test('a refused change is written again, after longer and longer waits, and reported once it is durable', async () => {
  let refusals = 4;
  const at: number[] = [];
  const { journal, clock } = open(async () => {
    at.push(clock.now());
    if (refusals-- > 0) throw new Error('disk full');
  });
  const began = clock.now();
  let durable = 0;
  journal.record({ remove: [item('1')] }, () => {
    durable = clock.now();
  });
  await clock.advance(60_000);
  assert.deepEqual(
    at.map((time) => (time - began) / 1000),
    [0, 1, 3, 7, 15],
  );
  assert.equal(durable, began + 15_000);
});

test('a change that the store will never take does not keep the others from being written', async () => {
  const taken: string[] = [];
  const { journal, clock } = open(async ({ remove = [] }) => {
    if (remove.some(({ id }) => id === 'bad')) throw new Error('no');
    taken.push(...remove.map(({ id }) => id));
  });
  for (let id = 0; id < 20; id++) journal.record({ remove: [item(id === 7 ? 'bad' : String(id))] });
  await clock.advance(120_000);
  assert.equal(new Set(taken).size, 19);
  assert.equal(taken.length, 19, 'none of them twice');
  assert.equal(journal.open, 1);
});

test('closing writes what is left, and gives up on a store that takes nothing', async () => {
  let works = true;
  const { journal, log } = open(async () => {
    if (!works) throw new Error('gone');
  });
  let durable = 0;
  journal.record({ remove: [item('1')] }, () => {
    durable += 1;
  });
  await journal.close();
  assert.equal(durable, 1);
  works = false;
  const settled = journal.written({ progress: [item('2')] });
  const [answer] = await Promise.allSettled([settled, journal.close()]);
  assert.equal(answer.status, 'rejected');
  assert.match(log.lines.at(-1)?.text ?? '', /will be attempted again/);
});

test('closing does not wait for the time of the next try', async () => {
  let refusals = 1;
  const { journal, clock } = open(async () => {
    if (refusals-- > 0) throw new Error('busy');
  });
  let durable = 0;
  journal.record({ remove: [item('1')] }, () => {
    durable += 1;
  });
  await clock.advance(0);
  await journal.close();
  assert.equal(durable, 1);
});

test('a state of mid-delivery does not outlive the end of its item', () => {
  const change = merged([
    { progress: [item('1', 1)] },
    { progress: [item('2', 1)] },
    { update: [item('1', 2)] },
    { progress: [item('3', 1)] },
    { remove: [item('2')] },
  ]);
  assert.deepEqual([ids(change.progress), ids(change.update), ids(change.remove)], ['3', '1', '2']);
});

test('a state of mid-delivery that was refused does not come after the end of its item', async () => {
  let refusals = 2;
  const commits: QueueChange[] = [];
  const { journal, clock } = open(async (change) => {
    if (refusals-- > 0) throw new Error('busy');
    commits.push(change);
  });
  let durable = false;
  journal.record({ progress: [item('1', 1)] }, () => {
    durable = true;
  });
  journal.record({ update: [item('1', 2)] });
  await clock.advance(10_000);
  assert.deepEqual(
    commits.map(({ progress, update }) => [ids(progress), ids(update)]),
    [
      ['', '1'],
      ['', ''],
    ],
  );
  assert.equal(durable, true);
});
