// The contract of the queue stores, last part: what people are told, and what a durable store keeps.

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { QueueFilter } from '../contract/index.ts';
import {
  drafted,
  fresh,
  LATER,
  NOW,
  putEach,
  read,
  sampleBytes,
  sampleItem,
  sampleMessage,
  take,
  takenIds,
} from './queue-samples.ts';
import type { ContractTests } from './queue-store-contract.ts';

export function answersContract(name: string, { promise, durable }: ContractTests): void {
  describe(`${name} answers people`, () => {
    promise('find gives what each filter asks for, leased or not', async (store) => {
      const deferred = { kind: 'deferred', status: '4.4.1', text: 'no', at: NOW } as const;
      await store.commit({
        put: [
          await fresh(
            store,
            [sampleItem('a'), sampleItem('b', { message: 'm-a', transport: 'deliver-other' })],
            { sender: '' },
            LATER,
          ),
          await fresh(store, [sampleItem('c', { destination: 'c.example', reason: deferred })], {
            arrivedAt: NOW - 1,
          }),
          await fresh(store, [sampleItem('d', { state: 'held', transport: null })]),
        ],
      });
      const cases: [QueueFilter, string][] = [
        [{}, 'abcd'],
        [{ message: 'm-a' }, 'ab'],
        [{ item: 'c' }, 'c'],
        [{ transport: 'deliver-sample' }, 'ac'],
        [{ destination: 'c.example' }, 'c'],
        [{ state: 'held' }, 'd'],
        [{ reason: 'deferred' }, 'c'],
        [{ sender: '' }, 'ab'],
        [{ sender: 'sender@example.net' }, 'cd'],
        [{ sender: 'Sender@EXAMPLE.net' }, 'cd'],
        [{ sender: '@example.net' }, 'cd'],
        [{ sender: '@ample.net' }, ''],
        [{ recipient: 'b@example.org' }, 'b'],
        [{ recipient: '@example.org' }, 'abcd'],
        [{ arrivedBefore: NOW }, 'c'],
        [{ arrivedAfter: NOW }, 'abd'],
        [{ message: 'm-a', transport: 'deliver-other' }, 'b'],
        [{ message: 'm-a', state: 'held' }, ''],
        [{ item: 'nobody' }, ''],
      ];
      for (const [filter, expected] of cases) {
        const { entries, next } = await store.find(filter, 10);
        assert.equal(entries.map(({ item }) => item.id).join(''), expected, JSON.stringify(filter));
        assert.equal(next, undefined);
      }
    });

    promise(
      'pages follow each other in id order without gaps or repeats, while items come and go',
      async (store) => {
        const ids = Array.from({ length: 25 }, (_, index) => `i${100 + index}`);
        await putEach(
          store,
          ids.toReversed().map((id, index) => sampleItem(id, { destination: index % 2 ? 'odd' : 'even' })),
        );
        for (const [filter, expected] of [
          [{}, ids],
          [{ destination: 'even' }, ids.filter((_, index) => index % 2 === 0)],
        ] as const) {
          const seen: string[] = [];
          let after: string | undefined;
          do {
            const page = await store.find(filter, 6, after);
            assert.ok(page.entries.length <= 6);
            seen.push(...page.entries.map(({ item }) => item.id));
            after = page.next;
          } while (after !== undefined);
          assert.deepEqual(seen, expected);
        }
        const { next } = await store.find({}, 6);
        await store.commit({ remove: [sampleItem('i105'), sampleItem('i106')] });
        assert.equal((await store.find({}, 1, next)).entries[0]?.item.id, 'i107');
      },
    );

    promise('counts tell messages, waiting and held items', async (store) => {
      await putEach(store, [sampleItem('a', { state: 'held' }), sampleItem('b')]);
      await store.commit({
        put: [await fresh(store, [sampleItem('c'), sampleItem('d', { message: 'm-c' })], {}, LATER)],
      });
      assert.deepEqual(await store.counts(), { messages: 3, waiting: 3, held: 1, damaged: 0 });
    });
  });

  describe(`${name} outlives the process`, () => {
    durable('everything that was committed is there after closing and opening', async ({ store, reopen }) => {
      const items = [sampleItem('a', { due: NOW - 2 }), sampleItem('b', { state: 'held' }), sampleItem('c')];
      await putEach(store, items);
      await store.commit({ remove: [items[2] as (typeof items)[0]] });
      const large = sampleItem('d', { due: NOW - 1 });
      const body = await drafted(store, sampleBytes(400_000));
      await store.commit({
        put: [{ message: sampleMessage('m-d'), body, items: [large], leaseUntil: undefined }],
      });
      const again = await reopen();
      try {
        assert.deepEqual(
          (await again.store.find({}, 9)).entries.map(({ item }) => item),
          [items[0], items[1], large],
        );
        assert.ok((await read(again.store.body('m-d'))).equals(sampleBytes(400_000)));
        assert.deepEqual(await takenIds(again.store), ['a', 'd']);
      } finally {
        await again.close();
      }
    });

    durable('the leases of an instance end with it', async ({ store, reopen }) => {
      await putEach(store, [sampleItem('a')]);
      await take(store, { leaseUntil: NOW + 1e9 });
      await store.commit({ put: [await fresh(store, [sampleItem('b')], {}, NOW + 1e9)] });
      const again = await reopen();
      try {
        assert.deepEqual(await takenIds(again.store), ['a', 'b']);
      } finally {
        await again.close();
      }
    });

    durable(
      'a damaged entry is set aside and counted, and the others are served',
      async ({ store, damage, close }) => {
        try {
          await putEach(store, [
            sampleItem('a', { due: NOW - 2 }),
            sampleItem('b', { due: NOW - 1 }),
            sampleItem('c'),
            sampleItem('d'),
          ]);
          await damage('m-a');
          await damage('m-c');
          assert.deepEqual(await takenIds(store, { limit: 1 }), ['b']);
          assert.deepEqual(
            (await store.find({}, 10)).entries.map(({ item }) => item.id),
            ['b', 'd'],
          );
          assert.deepEqual(await takenIds(store), ['d']);
          assert.deepEqual(await store.counts(), { messages: 2, waiting: 2, held: 0, damaged: 2 });
        } finally {
          await close();
        }
      },
    );
  });
}
