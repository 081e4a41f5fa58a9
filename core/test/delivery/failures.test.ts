// Failures: who is told, when, and never twice.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Delivery, Outcome } from '../../src/contract/index.ts';
import {
  addresses,
  delivered,
  HOUR,
  later,
  MINUTE,
  room,
  script,
  TroubledStore,
  watchRejections,
} from './scripted-room.ts';

watchRejections();

describe('failures', () => {
  const failed = Outcome.failed('5.1.1', 'No such user');

  test('bounce to the sender, from nobody', async () => {
    const far = script([failed, delivered]);
    const r = room({ far });
    r.scheduler.start();
    const { message } = await r.put(['a@example.org']);
    await r.settled();
    assert.deepEqual(addresses(far.deliveries[1]), ['author@example.net']);
    assert.equal(far.deliveries[1]?.sender, null);
    assert.equal(r.events.of('notice-queued')[0]?.about, message.id);
    assert.equal((await r.items()).length, 0);
  });

  test('of bounces bounce nowhere', async () => {
    const far = script([failed]);
    const r = room({ far });
    r.scheduler.start();
    await r.put(['a@example.org']);
    await r.put(['b@example.org'], { sender: '' });
    await r.clock.advance(MINUTE);
    assert.equal(far.deliveries.length, 3);
    assert.equal(r.events.of('notice-queued').length, 1);
    assert.equal(r.events.of('notice-dropped').length, 2);
    assert.equal((await r.items()).length, 0);
  });

  for (const [notify, bounces] of [
    [['NEVER'], 0],
    [['SUCCESS'], 0],
    [['DELAY'], 0],
    [['FAILURE', 'DELAY'], 1],
    [undefined, 1],
  ] as const) {
    test(`with NOTIFY=${notify ?? '(none)'} ${bounces === 1 ? 'bounce' : 'are not told'}`, async () => {
      const r = room({ far: script([failed, delivered]) });
      r.scheduler.start();
      await r.put(['a@example.org'], { each: () => (notify ? { parameters: { notify } } : {}) });
      await r.settled();
      assert.equal(r.events.of('notice-queued').length, bounces);
      assert.equal((await r.items()).length, 0);
    });
  }

  test('come when the time is up, after one last attempt', async () => {
    const far = script([(delivery) => (delivery.sender === null ? delivered : later)]);
    const r = room({ far }, { settings: { expireAfter: HOUR } });
    r.scheduler.start();
    await r.put(['a@example.org']);
    await r.clock.advance(HOUR - 1000);
    assert.equal(r.events.of('notice-queued').length, 0);
    await r.clock.advance(2000);
    assert.equal(r.events.of('notice-queued').length, 1);
    assert.equal((await r.items()).length, 0);
  });

  test('by a policy that refused after others were accepted bounce at once, unattempted', async () => {
    const far = script([delivered]);
    const r = room({ far });
    r.scheduler.start();
    const reason = { kind: 'refused', plugin: 'check-x', status: '5.7.1', text: 'Refused' } as const;
    await r.put(['a@example.org'], { item: { transport: null, destination: '', reason } });
    await r.settled();
    assert.deepEqual(far.deliveries.flatMap(addresses), ['author@example.net']);
    assert.equal((await r.items()).length, 0);
  });

  test('refused by policy are not delivered when an operator retries them', async () => {
    const far = script([delivered]);
    const r = room({ far });
    const reason = { kind: 'refused', plugin: 'check-x', status: '5.7.1', text: 'Refused' } as const;
    await r.put(['a@example.org'], { item: { transport: null, destination: '', reason } });
    await r.control.act({}, { do: 'retry' });
    r.scheduler.start();
    await r.settled();
    assert.deepEqual(far.deliveries.flatMap(addresses), ['author@example.net']);
  });

  test('whose bounce cannot be drafted are told when it can be, and nobody is attempted twice', async () => {
    class Undraftable extends TroubledStore {
      broken = true;
      override draft(): ReturnType<TroubledStore['draft']> {
        const draft = super.draft();
        if (!this.broken) return draft;
        return {
          write: () => Promise.reject(new Error('store-full')),
          finish: () => draft.finish(),
          discard: () => draft.discard(),
        };
      }
    }
    const store = new Undraftable();
    store.broken = false;
    const far = script([
      async (delivery) => {
        if (delivery.sender === null) return delivered;
        await delivery.settle(delivery.recipients[0] as Delivery['recipients'][number], failed);
        return delivered;
      },
    ]);
    const r = room({ far }, { store });
    r.scheduler.start();
    await r.put(['a@example.org', 'b@example.org']);
    store.broken = true;
    await r.clock.advance(10 * MINUTE);
    store.broken = false;
    await r.clock.advance(HOUR);
    assert.equal(far.deliveries.filter(({ sender }) => sender !== null).length, 1);
    assert.equal(far.deliveries.filter(({ sender }) => sender === null).length, 1);
    assert.equal((await r.items()).length, 0);
  });
});
