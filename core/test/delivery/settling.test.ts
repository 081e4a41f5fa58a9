// Settling in mid-delivery: what was settled stays, whatever happens to the attempt or the process.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Delivery, Outcome } from '../../src/contract/index.ts';
import { mailbox } from '../../src/smtp/index.ts';
import { fakeClock } from '../../src/testing/fake-clock.ts';
import {
  addresses,
  delivered,
  later,
  MINUTE,
  never,
  room,
  script,
  TroubledStore,
  watchRejections,
} from './scripted-room.ts';

watchRejections();

describe('settling recipients one by one', () => {
  const settleFirst = (outcome: Outcome, then: Outcome | Error) => async (delivery: Delivery) => {
    await delivery.settle(delivery.recipients[0] as Delivery['recipients'][number], outcome);
    if (then instanceof Error) throw then;
    return then;
  };

  test('keeps what was settled when the attempt then throws', async () => {
    const far = script([settleFirst(delivered, new Error('broken')), delivered]);
    const r = room({ far });
    r.scheduler.start();
    await r.put(['a@example.org', 'b@example.org']);
    await r.clock.advance(2 * MINUTE);
    assert.deepEqual(addresses(far.deliveries[1]), ['b@example.org']);
    assert.equal((await r.items()).length, 0);
  });

  test('keeps it also when the process dies in the midst of the attempt', async () => {
    const far = script([
      async (delivery) => {
        await settleFirst(delivered, delivered)(delivery);
        return never();
      },
      delivered,
    ]);
    const first = room({ far }, { store: new TroubledStore() });
    first.scheduler.start();
    await first.put(['a@example.org', 'b@example.org']);
    await first.settled();
    // A second life on the same store, when the leases of the first one have run out.
    const second = room({ far }, { store: first.store, clock: fakeClock(first.clock.now() + 11 * MINUTE) });
    second.scheduler.start();
    await second.settled();
    await second.clock.advance(2000);
    assert.deepEqual(addresses(far.deliveries[1]), ['b@example.org']);
    assert.equal((await second.items()).length, 0);
  });

  for (const [what, outcome] of [
    ['a failure', Outcome.failed('5.1.1', 'No such user')],
    ['a redirection', Outcome.redirected([mailbox('new@example.com')])],
  ] as const) {
    test(`${what} is acted upon after a restart`, async () => {
      const far = script([
        async (delivery) => {
          await settleFirst(outcome, delivered)(delivery);
          return never();
        },
        delivered,
      ]);
      const first = room({ far }, { store: new TroubledStore() });
      first.scheduler.start();
      await first.put(['a@example.org', 'b@example.org']);
      await first.settled();
      const second = room({ far }, { store: first.store, clock: fakeClock(first.clock.now() + 11 * MINUTE) });
      second.scheduler.start();
      await second.clock.advance(5000);
      const next = far.deliveries.slice(1).flatMap(addresses);
      assert.ok(next.includes('b@example.org'));
      assert.ok(
        next.includes(outcome.kind === 'failed' ? 'author@example.net' : 'new@example.com'),
        next.join(),
      );
      assert.ok(!next.includes('a@example.org'));
      assert.equal((await second.items()).length, 0);
    });
  }

  test('settled recipients are not asked for again when the transport has left the configuration', async () => {
    const far = script([
      async (delivery) => {
        await settleFirst(delivered, delivered)(delivery);
        return never();
      },
    ]);
    const first = room({ far }, { store: new TroubledStore() });
    first.scheduler.start();
    await first.put(['a@example.org', 'b@example.org']);
    await first.settled();
    let now = first.clock.now();
    for (const other of [script([delivered], { claim: () => undefined }), script([delivered])]) {
      const second = room({ other }, { store: first.store, clock: fakeClock(now + 11 * MINUTE) });
      now = second.clock.now() + 40 * MINUTE;
      second.scheduler.start();
      await second.clock.advance(40 * MINUTE);
      assert.ok(!other.deliveries.flatMap(addresses).includes('a@example.org'));
      if (other.deliveries.length > 0) assert.deepEqual(addresses(other.deliveries[0]), ['b@example.org']);
      await second.scheduler.stop(second.clock.now());
    }
    assert.equal((await first.items()).length, 0);
  });

  test('a recipient that was delivered stays delivered, whatever is said of it later', async () => {
    const far = script([
      async (delivery) => {
        const recipient = delivery.recipients[0] as Delivery['recipients'][number];
        await delivery.settle(recipient, delivered);
        await delivery.settle(recipient, later).catch(() => undefined);
        return delivered;
      },
    ]);
    const r = room({ far });
    r.scheduler.start();
    await r.put(['a@example.org', 'b@example.org']);
    await r.settled();
    assert.equal((await r.items()).length, 0);
  });

  test('what is settled too late, without waiting for it, brings nothing down', async () => {
    let late: Delivery | undefined;
    const far = script([
      (delivery) => {
        late = delivery;
        return delivered;
      },
    ]);
    const r = room({ far });
    r.scheduler.start();
    await r.put(['a@example.org', 'b@example.org']);
    await r.settled();
    const recipient = late?.recipients[0] as Delivery['recipients'][number];
    void late?.settle(recipient, delivered);
    void late?.settle({ ...recipient }, delivered);
    await r.settled();
    assert.equal((await r.items()).length, 0);
  });
});
