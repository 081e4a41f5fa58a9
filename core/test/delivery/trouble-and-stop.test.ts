// A store in trouble, a server that stops, an operator who reaches in: nothing is lost.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Outcome, type QueueItem } from '../../src/contract/index.ts';
import {
  delivered,
  HOUR,
  later,
  MINUTE,
  never,
  room,
  script,
  TroubledStore,
  watchRejections,
} from './scripted-room.ts';

watchRejections();

describe('a store in trouble', () => {
  test('loses nothing, and is written to again', async () => {
    const store = new TroubledStore();
    const far = script([
      ({ sender, recipients }) => {
        if (sender === null) return delivered;
        const local = recipients[0]?.address.local;
        return local === 'f' ? Outcome.failed('5.1.1', 'x') : local === 'd' ? later : delivered;
      },
    ]);
    const r = room({ far }, { store });
    for (const local of ['a', 'd', 'f']) await r.put([`${local}@example.org`]);
    const take = store.take.bind(store);
    store.take = (request) => take(request);
    r.scheduler.start();
    store.full = true;
    await r.clock.advance(20_000);
    assert.equal((await r.items()).length, 3);
    assert.equal(far.deliveries.length, 3);
    store.full = false;
    await r.clock.advance(5 * MINUTE);
    assert.equal(far.deliveries.filter(({ sender }) => sender === null).length, 1);
    assert.equal(r.events.of('notice-queued').length, 1);
    assert.deepEqual(
      (await r.items()).map(({ item }) => item.recipients[0]?.address),
      ['d@example.org'],
    );
    assert.ok(r.log.lines.some(({ level }) => level === 'error'));
  });

  test('that throws instead of rejecting does no more harm', async () => {
    const store = new TroubledStore();
    const r = room({ far: script([delivered]) }, { store });
    await r.put(['a@example.org']);
    r.scheduler.start();
    const commit = store.commit.bind(store);
    store.commit = () => {
      throw new Error('broken');
    };
    await r.clock.advance(3000);
    store.commit = commit;
    await r.clock.advance(2 * MINUTE);
    assert.equal((await r.items()).length, 0);
    assert.equal(r.scheduler.running, 0);
  });
});

describe('stopping', () => {
  test('waits for the attempts that run', async () => {
    let finish: ((outcome: Outcome) => void) | undefined;
    const far = script([
      () =>
        new Promise<Outcome>((resolve) => {
          finish = resolve;
        }),
    ]);
    const r = room({ far });
    r.scheduler.start();
    await r.put(['a@example.org']);
    await r.settled();
    let stopped = false;
    const stopping = r.scheduler.stop(r.clock.now() + 30_000).then(() => {
      stopped = true;
    });
    await r.clock.advance(10_000);
    assert.equal(stopped, false);
    finish?.(delivered);
    await r.settled();
    assert.equal(stopped, true);
    await stopping;
    assert.equal((await r.items()).length, 0);
  });

  test('aborts at the deadline and gives every lease back', async () => {
    let signal: AbortSignal | undefined;
    const far = script(
      [
        (delivery) => {
          signal = delivery.signal;
          return never();
        },
      ],
      { laneConcurrency: 1 },
    );
    const r = room({ far });
    r.scheduler.start();
    for (let n = 0; n < 5; n++) await r.put([`a${n}@example.org`]);
    await r.settled();
    const stopping = r.scheduler.stop(r.clock.now() + 1000);
    await r.clock.advance(1000);
    await stopping;
    assert.equal(signal?.aborted, true);
    // Whatever is due is free to be taken by the next life at once.
    const taken = await r.store.take({
      now: r.clock.now() + 2 * MINUTE,
      limit: 100,
      leaseUntil: r.clock.now() + HOUR,
      except: [],
    });
    assert.equal(taken.length, 5);
  });

  test('gives back what a look into the store brings meanwhile', async () => {
    const store = new TroubledStore();
    const r = room({ far: script([delivered]) }, { store });
    await r.put(['a@example.org']);
    const take = store.take.bind(store);
    let release: (() => void) | undefined;
    store.take = async (request) => {
      const taken = await take(request);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return taken;
    };
    r.scheduler.start();
    await r.settled();
    const stopping = r.scheduler.stop(r.clock.now() + 1000);
    release?.();
    await r.clock.advance(2000);
    await stopping;
    const now = r.clock.now();
    assert.equal((await take({ now, limit: 9, leaseUntil: now + HOUR, except: [] })).length, 1);
  });

  test('tries once more to write what the store did not take', async () => {
    const store = new TroubledStore();
    const r = room({ far: script([delivered]) }, { store });
    await r.put(['a@example.org']);
    r.scheduler.start();
    store.full = true;
    await r.clock.advance(500);
    store.full = false;
    const stopping = r.scheduler.stop(r.clock.now() + 1000);
    await r.clock.advance(1000);
    await stopping;
    assert.equal((await r.items()).length, 0);
  });

  test('what is offered afterwards is given back', async () => {
    const r = room({ far: script([delivered]) });
    r.scheduler.start();
    await r.scheduler.stop(r.clock.now());
    const draft = r.store.draft();
    const body = await draft.finish();
    const now = r.clock.now();
    const message = {
      id: 'm',
      sender: '',
      arrivedAt: now,
      size: 0,
      head: '',
      parameters: {},
      origin: { session: 's' },
      notes: {},
    };
    const item: QueueItem = {
      id: 'i',
      message: 'm',
      transport: 'far',
      destination: 'x',
      recipients: [{ address: 'a@x.example' }],
      state: 'waiting',
      reason: { kind: 'fresh' },
      attempts: 0,
      due: now,
      expires: now + HOUR,
    };
    await r.store.commit({ put: [{ message, body, items: [item], leaseUntil: r.scheduler.leaseUntil() }] });
    r.scheduler.offer(message, body, [item]);
    await r.settled();
    assert.equal((await r.store.take({ now, limit: 9, leaseUntil: now + HOUR, except: [] })).length, 1);
  });
});

describe('the operator', () => {
  test('makes items due now', async () => {
    const far = script([later, delivered]);
    const r = room({ far });
    r.scheduler.start();
    await r.put(['a@example.org']);
    await r.settled();
    assert.equal((await r.control.act({ recipient: 'a@example.org' }, { do: 'retry' })).count, 1);
    await r.settled();
    assert.equal(far.deliveries.length, 2);
    assert.equal((await r.items()).length, 0);
  });

  test('drops items, in memory or not', async () => {
    const far = script([never], { laneConcurrency: 1 });
    const r = room({ far });
    r.scheduler.start();
    for (let n = 0; n < 30; n++) await r.put([`a${n}@example.org`]);
    await r.settled();
    assert.equal((await r.control.act({}, { do: 'drop' })).count, 30);
    await r.clock.advance(20 * MINUTE);
    assert.equal(far.deliveries.length, 1);
    assert.equal((await r.items()).length, 0);
    assert.equal(r.events.of('notice-queued').length, 0);
  });

  test('whose drop the store does not take loses nothing', async () => {
    const store = new TroubledStore();
    const far = script([() => never(), delivered], { laneConcurrency: 1, timeout: MINUTE });
    const r = room({ far }, { store });
    r.scheduler.start();
    for (let n = 0; n < 3; n++) await r.put([`a${n}@example.org`]);
    await r.settled();
    store.full = true;
    const dropping = r.control.act({}, { do: 'drop' }).then(
      () => true,
      () => false,
    );
    await r.clock.advance(20_000);
    store.full = false;
    await r.clock.advance(2 * HOUR);
    // Either it is dropped in the end, or the operator has heard of it and the items are delivered.
    const dropped = await dropping;
    assert.equal((await r.items()).length, 0);
    assert.equal(far.deliveries.length, dropped ? 1 : 4);
  });
});
