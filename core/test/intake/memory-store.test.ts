// The memory store keeps the contract of the queue stores, and stays quick with a long queue.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type HeapMember, IndexedHeap } from '../../src/intake/indexed-heap.ts';
import { memoryStore } from '../../src/intake/memory-store.ts';
import { fresh, LATER, NOW, putEach, sampleItem, takenIds } from '../../src/testing/queue-samples.ts';
import { queueStoreContract } from '../../src/testing/queue-store-contract.ts';

queueStoreContract('the memory store', async () => ({ store: memoryStore(), close: async () => {} }));

test('a hundred thousand items are put, taken past a stuck lane and removed one by one within seconds', async () => {
  const store = memoryStore();
  const stuck = { transport: 'deliver-sample', destination: 'stuck.example' };
  const items = Array.from({ length: 100_000 }, (_, index) =>
    sampleItem(`i${1_000_000 + index}`, {
      message: 'm',
      due: NOW - 100_000 + index,
      destination: index % 10 === 9 ? `d${index % 1000}.example` : stuck.destination,
    }),
  );
  const started = process.cpuUsage();
  await store.commit({ put: [await fresh(store, items)] });
  let taken = 0;
  for (;;) {
    const ids = await takenIds(store, { except: [stuck], limit: 100 });
    if (ids.length === 0) break;
    taken += ids.length;
  }
  assert.equal(taken, 10_000);
  for (const item of items) await store.commit({ remove: [item] });
  assert.equal((await store.counts()).messages, 0);
  const { user, system } = process.cpuUsage(started);
  assert.ok(user + system < 5_000_000, `${(user + system) / 1000} ms`);
});

test('whatever is put, updated, leased and removed, an item is taken exactly when it is due and free', async () => {
  const step = fc.record({
    do: fc.constantFrom('put', 'leased', 'update', 'remove', 'take', 'hold'),
    id: fc.integer({ min: 0, max: 7 }).map((n) => `i${n}`),
    lane: fc.integer({ min: 0, max: 2 }).map((n) => `d${n}`),
    at: fc.integer({ min: 0, max: 20 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const store = memoryStore();
      const model = new Map<string, { due: number; free: number; lane: string }>();
      for (const [index, { do: verb, id, lane, at }] of steps.entries()) {
        const due = NOW + at;
        const item = sampleItem(id, { due, destination: lane, state: verb === 'hold' ? 'held' : 'waiting' });
        if (verb === 'put' || verb === 'leased') {
          if (model.has(id)) continue;
          await store.commit({ put: [await fresh(store, [item], {}, verb === 'put' ? undefined : LATER)] });
          model.set(id, { due, free: verb === 'put' ? 0 : LATER, lane });
        } else if (verb === 'update' || verb === 'hold') {
          await store.commit({ update: [item] });
          if (model.has(id))
            model.set(id, { due, free: verb === 'hold' ? Number.POSITIVE_INFINITY : 0, lane });
        } else if (verb === 'remove') {
          await store.commit({ remove: [item] });
          model.delete(id);
        } else {
          const now = NOW + index;
          const except = [{ transport: 'deliver-sample', destination: lane }];
          const expected = [...model].filter(
            ([, one]) => one.due <= now && one.free <= now && one.lane !== lane,
          );
          expected.sort(([a, x], [b, y]) => x.due - y.due || (a < b ? -1 : 1));
          const first = expected.slice(0, 2);
          assert.deepEqual(
            await takenIds(store, { now, limit: 2, except }),
            first.map(([name]) => name),
          );
          for (const [, one] of first) one.free = LATER;
        }
      }
    }),
  );
});

test('a heap gives its members in order, whatever has left from its middle', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer(), fc.boolean())), (ranks) => {
      const heap = new IndexedHeap<HeapMember & { rank: number }>((a, b) => a.rank < b.rank);
      const members = ranks.map(([rank]) => ({ rank, place: -1 }));
      for (const member of members) heap.add(member);
      members.forEach((member, index) => {
        if (ranks[index]?.[1]) heap.remove(member);
      });
      const rest: number[] = [];
      for (let first = heap.first; first !== undefined; first = heap.first) {
        heap.remove(first);
        rest.push(first.rank);
      }
      const expected = ranks.filter(([, gone]) => !gone).map(([rank]) => rank);
      assert.deepEqual(
        rest,
        expected.sort((a, b) => a - b),
      );
    }),
  );
});

test('of equally due items the older one is taken first', async () => {
  const store = memoryStore();
  await putEach(store, [sampleItem('b', { due: NOW - 1 }), sampleItem('a', { due: NOW - 1 })]);
  assert.deepEqual(await takenIds(store), ['a', 'b']);
});
