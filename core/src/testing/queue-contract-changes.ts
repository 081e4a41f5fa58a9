// The contract of the queue stores, second part: changes are whole or not made at all.

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { PosthouseError } from '../contract/index.ts';
import { fresh, NOW, putEach, sampleItem, sampleMessage, takenIds } from './queue-samples.ts';
import type { ContractTests } from './queue-store-contract.ts';

export function changesContract(name: string, { promise }: ContractTests): void {
  describe(`${name} changes the queue whole or not at all`, () => {
    promise('a refused change leaves nothing behind', async (store) => {
      const [first, second] = [sampleItem('a'), sampleItem('c')];
      await putEach(store, [first, second]);
      const change = {
        put: [await fresh(store, [sampleItem('b')]), await fresh(store, [{ ...first, message: 'm-twice' }])],
        update: [{ ...first, attempts: 7 }],
        remove: [second],
      };
      await assert.rejects(store.commit(change), (error) => PosthouseError.is(error, 'store-failed'));
      assert.deepEqual(
        (await store.find({}, 10)).entries.map(({ item }) => item),
        [first, second],
      );
      assert.deepEqual(await store.counts(), { messages: 2, waiting: 2, held: 0, damaged: 0 });
    });

    promise('a refused change does not touch those committed beside it', async (store) => {
      await putEach(store, [sampleItem('a')]);
      const changes = await Promise.all(['b', 'a', 'c'].map((id) => fresh(store, [sampleItem(id)])));
      const results = await Promise.allSettled(changes.map((put) => store.commit({ put: [put] })));
      assert.deepEqual(
        results.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
      assert.deepEqual(
        (await store.find({}, 10)).entries.map(({ item }) => item.id),
        ['a', 'b', 'c'],
      );
    });

    promise('a body belongs to one message', async (store) => {
      const put = await fresh(store, [sampleItem('a')]);
      await store.commit({ put: [put] });
      const again = { ...put, message: sampleMessage('m-b'), items: [sampleItem('b')] };
      await assert.rejects(store.commit({ put: [again] }), (error) =>
        PosthouseError.is(error, 'store-failed'),
      );
    });

    promise('a message without items is refused', async (store) => {
      const put = { ...(await fresh(store, [sampleItem('a')])), items: [] };
      await assert.rejects(store.commit({ put: [put] }), (error) => PosthouseError.is(error, 'store-failed'));
      assert.equal((await store.counts()).messages, 0);
    });

    promise('several messages, joining items, updates and removals go in one change', async (store) => {
      const [a, b, c] = [sampleItem('a'), sampleItem('b'), sampleItem('c')];
      await putEach(store, [a, b, c]);
      const joining = sampleItem('e', { message: a.message, due: NOW - 5 });
      await store.commit({
        put: [await fresh(store, [sampleItem('d')])],
        add: [joining],
        update: [{ ...b, attempts: 1 }],
        remove: [a, c],
      });
      const { entries } = await store.find({}, 10);
      assert.deepEqual(
        entries.map(({ item }) => [item.id, item.attempts]),
        [
          ['b', 1],
          ['d', 0],
          ['e', 0],
        ],
      );
      assert.equal(entries[2]?.message.id, a.message);
      assert.deepEqual(await takenIds(store, { limit: 1 }), ['e']);
    });

    promise('an empty change is good', async (store) => store.commit({}));

    promise('updating, progressing or removing an item that is gone does nothing', async (store) => {
      const item = sampleItem('a');
      await putEach(store, [item]);
      await store.commit({ remove: [item] });
      await store.commit({ update: [item], progress: [item], remove: [item] });
      assert.deepEqual(await store.counts(), { messages: 0, waiting: 0, held: 0, damaged: 0 });
    });

    promise('an item that would join a message that is gone does nothing', async (store) => {
      await store.commit({ add: [sampleItem('a')] });
      assert.deepEqual((await store.find({}, 10)).entries, []);
    });

    promise('two hundred commits at a time are all there', async (store) => {
      const items = Array.from({ length: 200 }, (_, index) => sampleItem(`i${1000 + index}`));
      await Promise.all(items.map(async (item) => store.commit({ put: [await fresh(store, [item])] })));
      await Promise.all(items.slice(0, 100).map((item) => store.commit({ remove: [item] })));
      assert.deepEqual(
        (await takenIds(store, { limit: 500 })).sort(),
        items.slice(100).map(({ id }) => id),
      );
    });
  });
}
