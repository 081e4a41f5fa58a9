// Lanes, as the queue sees them: no destination costs the others anything.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Outcome } from '../../src/contract/index.ts';
import { delivered, HOUR, never, room, script, watchRejections } from './scripted-room.ts';

watchRejections();

describe('lanes', () => {
  test('a destination with many items waiting starves no other', async () => {
    const order: string[] = [];
    const far = script([
      async ({ destination }) => {
        order.push(destination);
        return delivered;
      },
    ]);
    const r = room({ far });
    for (let n = 0; n < 3000; n++) await r.put([`a${n}@big.example`]);
    for (let n = 0; n < 5; n++) await r.put([`a@small${n}.example`]);
    r.scheduler.start();
    await r.clock.advance(10);
    const last = order.findLastIndex((destination) => destination !== 'big.example');
    assert.ok(last !== -1 && last < 1500, `small ones came at ${last}`);
    // A quick lane is not held up by the pace of the clock either.
    for (let turns = 0; turns < 2000; turns++) await r.settled();
    assert.equal(order.length, 3005);
  });

  test('slow lanes with many items leave free slots to others', async () => {
    const far = script([({ destination }) => (destination.startsWith('slow') ? never() : delivered)]);
    const r = room({ far });
    for (let n = 0; n < 1000; n++) await r.put([`a${n}@slow${n % 2}.example`]);
    await r.put(['a@quick.example']);
    r.scheduler.start();
    await r.clock.advance(3000);
    assert.equal(far.deliveries.filter(({ destination }) => destination === 'quick.example').length, 1);
  });

  test('a dead destination is tried by one attempt after each rest, and all follow when it lives again', async () => {
    let dead = true;
    const far = script([
      async () => (dead ? Outcome.deferred('4.4.1', 'No answer', { scope: 'destination' }) : delivered),
    ]);
    const r = room({ far });
    for (let n = 0; n < 100; n++) await r.put([`a${n}@dead.example`]);
    r.scheduler.start();
    await r.clock.advance(1000);
    const first = far.deliveries.length;
    assert.ok(first <= 10, `${first} attempts at once`);
    await r.clock.advance(28_000);
    assert.equal(far.deliveries.length, first);
    await r.clock.advance(4000);
    assert.equal(far.deliveries.length, first + 1);
    dead = false;
    await r.clock.advance(2 * HOUR);
    assert.equal((await r.items()).length, 0);
  });

  test('an operator ends the rest of a lane', async () => {
    let dead = true;
    const far = script([
      async () => (dead ? Outcome.deferred('4.4.1', 'No answer', { scope: 'destination' }) : delivered),
    ]);
    const r = room({ far });
    for (let n = 0; n < 20; n++) await r.put([`a${n}@dead.example`]);
    r.scheduler.start();
    await r.clock.advance(1000);
    dead = false;
    assert.equal((await r.control.act({ destination: 'dead.example' }, { do: 'retry' })).count, 20);
    await r.clock.advance(3000);
    assert.ok((await r.items()).length < 20);
    await r.clock.advance(HOUR);
    assert.equal((await r.items()).length, 0);
  });

  test('a small window is never exceeded and still delivers everything', async () => {
    const far = script([async () => delivered]);
    const r = room({ far }, { settings: { window: 10, concurrency: 4, laneConcurrency: 2 } });
    for (let n = 0; n < 300; n++) await r.put([`a${n}@d${n % 7}.example`]);
    r.scheduler.start();
    await r.clock.advance(20_000);
    assert.equal(far.deliveries.length, 300);
    assert.equal((await r.items()).length, 0);
  });
});
