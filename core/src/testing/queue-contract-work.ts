// The contract of the queue stores, first part: whose turn it is, and who holds an item meanwhile.

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Lane } from '../contract/index.ts';
import {
  drafted,
  fresh,
  LATER,
  NOW,
  putEach,
  sampleBytes,
  sampleItem,
  sampleMessage,
  take,
  takenIds,
} from './queue-samples.ts';
import type { ContractTests } from './queue-store-contract.ts';

export function workContract(name: string, { promise, durable }: ContractTests): void {
  describe(`${name} gives out work`, () => {
    promise('what was put is taken as it was put', async (store) => {
      const item = sampleItem('a', {
        attempts: 3,
        reason: { kind: 'deferred', status: '4.4.1', text: 'no', at: NOW },
      });
      const message = sampleMessage('m-a', {
        notes: { 'check-x/y': [1, { z: null }] },
        parameters: { envid: 'e' },
      });
      await store.commit({
        put: [{ message, body: await drafted(store, sampleBytes(9)), items: [item], leaseUntil: undefined }],
      });
      assert.deepEqual(await take(store), [{ item, message }]);
    });

    promise('the longest due is taken first, whatever its lane', async (store) => {
      await putEach(store, [
        sampleItem('a', { due: NOW - 1 }),
        sampleItem('b', { due: NOW - 3, destination: 'b.example' }),
        sampleItem('c', { due: NOW - 2 }),
        sampleItem('d', { due: NOW - 4 }),
      ]);
      assert.deepEqual(await takenIds(store), ['d', 'b', 'c', 'a']);
    });

    promise('an item is not taken before it is due', async (store) => {
      await putEach(store, [sampleItem('a', { due: NOW + 1 })]);
      assert.deepEqual(await takenIds(store), []);
      assert.deepEqual(await takenIds(store, { now: NOW + 1 }), ['a']);
    });

    promise('no more are taken than were asked for, and the rest stays', async (store) => {
      await putEach(
        store,
        ['a', 'b', 'c'].map((id, index) => sampleItem(id, { due: NOW - 9 + index })),
      );
      assert.deepEqual(await takenIds(store, { limit: 2 }), ['a', 'b']);
      assert.deepEqual(await takenIds(store, { limit: 2 }), ['c']);
    });

    promise('a thousand due items come out in the order of their due times', async (store) => {
      const items = Array.from({ length: 1000 }, (_, index) =>
        sampleItem(`i${String(index).padStart(4, '0')}`, {
          message: 'm',
          due: NOW - ((index * 7919) % 1000),
          destination: `d${index % 37}.example`,
        }),
      );
      await store.commit({ put: [await fresh(store, items)] });
      const due = (await take(store, { limit: 2000 })).map(({ item }) => item.due);
      assert.equal(due.length, 1000);
      assert.deepEqual(
        due,
        due.toSorted((a, b) => a - b),
      );
    });

    promise('held items are never taken, and become takable when an update lets them go', async (store) => {
      const held = sampleItem('a', {
        state: 'held',
        reason: { kind: 'quarantined', plugin: 'p', text: 't' },
      });
      await putEach(store, [held]);
      assert.deepEqual(await takenIds(store, { now: NOW + 1e12 }), []);
      await store.commit({ update: [{ ...held, state: 'waiting' }] });
      assert.deepEqual(await takenIds(store), ['a']);
    });

    promise('excepted lanes are left out, and only for that time', async (store) => {
      const lanes: Lane[] = [
        { transport: 'deliver-sample', destination: 'a.example' },
        { transport: 'deliver-other', destination: 'a.example' },
        { transport: null, destination: '' },
        { transport: 'deliver-sample', destination: '' },
      ];
      await putEach(
        store,
        lanes.map((lane, index) => sampleItem(`i${index}`, { ...lane, due: NOW - 9 + index })),
      );
      assert.deepEqual(await takenIds(store, { except: [lanes[0] as Lane, lanes[2] as Lane] }), ['i1', 'i3']);
      assert.deepEqual(await takenIds(store, { except: [lanes[0] as Lane] }), ['i2']);
      assert.deepEqual(await takenIds(store), ['i0']);
    });
  });

  describe(`${name} gives no more than a lane has room for`, () => {
    const lane = (destination: string): Lane => ({ transport: 'deliver-sample', destination });

    promise('of the longest due, and of the others as many as come', async (store) => {
      await putEach(
        store,
        ['a', 'a', 'b', 'a', 'b', 'c', 'a'].map((name, index) =>
          sampleItem(`${name}${index}`, { ...lane(`${name}.example`), due: NOW - 9 + index }),
        ),
      );
      const rooms = [
        { ...lane('a.example'), room: 2 },
        { ...lane('b.example'), room: 1 },
        { ...lane('d.example'), room: 1 },
        { transport: null, destination: 'c.example', room: 1 },
      ];
      assert.deepEqual(await takenIds(store, { rooms, limit: 3 }), ['a0', 'a1', 'b2']);
      const one = [{ ...lane('a.example'), room: 1 }];
      assert.deepEqual(await takenIds(store, { rooms: one }), ['a3', 'b4', 'c5']);
      assert.deepEqual(await takenIds(store), ['a6'], 'and only for that time');
    });

    promise('however many are asked for at a time', async (store) => {
      const items = Array.from({ length: 400 }, (_, index) =>
        sampleItem(`i${String(index).padStart(3, '0')}`, {
          ...lane(index % 2 === 0 ? 'a.example' : 'b.example'),
          message: 'm',
          due: NOW - 1000 + index,
        }),
      );
      await store.commit({ put: [await fresh(store, items)] });
      const rooms = [{ ...lane('a.example'), room: 130 }];
      const taken = await take(store, { rooms, limit: 1000 });
      assert.equal(taken.filter(({ item }) => item.destination === 'a.example').length, 130);
      assert.equal(taken.length, 330);
    });
  });

  describe(`${name} suspends lanes`, () => {
    const a: Lane = { transport: 'deliver-sample', destination: 'a.example' };
    const none: Lane = { transport: null, destination: '' };

    promise('nothing is taken out of a suspended lane until it is resumed', async (store) => {
      await putEach(store, [
        sampleItem('a', a),
        sampleItem('b', { ...a, transport: 'deliver-other' }),
        sampleItem('c', { ...a, destination: 'c.example' }),
        sampleItem('d', none),
      ]);
      const suspend = [
        { ...a, since: NOW },
        { ...none, since: NOW - 1 },
      ];
      await store.commit({ suspend });
      await store.commit({ suspend: [{ ...a, since: NOW + 9 }] });
      assert.deepEqual(await takenIds(store), ['b', 'c']);
      assert.deepEqual(await store.suspended(), [suspend[1], suspend[0]]);
      await store.commit({ resume: [none] });
      assert.deepEqual(await takenIds(store), ['d']);
      await store.commit({ resume: [a] });
      assert.deepEqual(await takenIds(store), ['a']);
      assert.deepEqual(await store.suspended(), []);
    });

    durable('a suspension outlives the process', async ({ store, reopen }) => {
      await putEach(store, [sampleItem('a', a)]);
      await store.commit({ suspend: [{ ...a, since: NOW }] });
      const again = await reopen();
      try {
        assert.deepEqual(await again.store.suspended(), [{ ...a, since: NOW }]);
        assert.deepEqual(await takenIds(again.store), []);
      } finally {
        await again.close();
      }
    });
  });

  describe(`${name} keeps leases`, () => {
    promise('a taken item is not taken again until its lease runs out', async (store) => {
      await putEach(store, [sampleItem('a')]);
      assert.deepEqual(await takenIds(store), ['a']);
      assert.deepEqual(await takenIds(store, { now: LATER - 1 }), []);
      assert.deepEqual(await takenIds(store, { now: LATER, leaseUntil: LATER + 9 }), ['a']);
    });

    promise('an item put with a lease is the putter’s until the lease runs out', async (store) => {
      await store.commit({
        put: [await fresh(store, [sampleItem('a'), sampleItem('b', { message: 'm-a' })], {}, LATER)],
      });
      assert.deepEqual(await takenIds(store), []);
      assert.deepEqual(await takenIds(store, { now: LATER }), ['a', 'b']);
    });

    promise('each lease runs out at its own time', async (store) => {
      await putEach(store, [sampleItem('a', { due: NOW - 1 }), sampleItem('b')]);
      await take(store, { limit: 1, leaseUntil: NOW + 10 });
      await take(store, { limit: 1, leaseUntil: NOW + 20 });
      assert.deepEqual(await takenIds(store, { now: NOW + 10 }), ['a']);
      assert.deepEqual(await takenIds(store, { now: NOW + 20 }), ['b']);
    });

    promise('renewing extends every lease that the instance holds', async (store) => {
      await putEach(store, [sampleItem('a')]);
      await store.commit({ put: [await fresh(store, [sampleItem('b')], {}, LATER)] });
      await take(store);
      await store.renew(LATER + 100);
      assert.deepEqual(await takenIds(store, { now: LATER + 99 }), []);
      assert.deepEqual((await takenIds(store, { now: LATER + 100 })).sort(), ['a', 'b']);
    });

    promise('renewing touches nothing that is not leased', async (store) => {
      await putEach(store, [sampleItem('a')]);
      await store.renew(LATER);
      assert.deepEqual(await takenIds(store), ['a']);
    });

    promise('an update gives the lease back', async (store) => {
      const item = sampleItem('a');
      await putEach(store, [item]);
      await take(store);
      const next = { ...item, attempts: 1, due: NOW + 5, destination: 'elsewhere.example' };
      await store.commit({ update: [next] });
      assert.deepEqual(await takenIds(store), []);
      assert.deepEqual((await take(store, { now: NOW + 5 }))[0]?.item, next);
    });

    promise('progress keeps the lease', async (store) => {
      const item = sampleItem('a', {
        recipients: [{ address: 'a@example.org' }, { address: 'b@example.org' }],
      });
      await putEach(store, [item]);
      await take(store);
      const less = { ...item, recipients: [{ address: 'b@example.org' }] };
      await store.commit({ progress: [less] });
      assert.deepEqual(await takenIds(store), []);
      assert.deepEqual((await take(store, { now: LATER }))[0]?.item, less);
    });
  });
}
