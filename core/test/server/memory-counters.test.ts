import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { overrunOf } from '../../src/contract/index.ts';
import { MemoryCounters } from '../../src/server/system/memory-counters.ts';
import { fakeClock } from '../../src/testing/index.ts';

const request = { key: 'messages/address/192.0.2.1', amount: 1, most: 3, window: 60_000 };

test('as many fit as the limit says, and one more waits until the window has slid on', async () => {
  const clock = fakeClock();
  const counters = new MemoryCounters(clock);
  for (let count = 0; count < 3; count += 1) assert.equal(counters.take([request]), undefined);
  const overrun = counters.take([request]);
  assert.equal(overrun?.request, request);
  await clock.advance(overrun?.wait ?? 0);
  assert.equal(counters.take([request]), undefined);
});

test('of several requests all are added or none', () => {
  const counters = new MemoryCounters(fakeClock());
  const full = { ...request, key: 'full', most: 0 };
  assert.equal(counters.take([request, full])?.request, full);
  for (let count = 0; count < 3; count += 1) assert.equal(counters.take([request]), undefined);
});

test('more than the limit ever allows never fits', () => {
  const counters = new MemoryCounters(fakeClock());
  assert.deepEqual(counters.take([{ ...request, amount: 4 }])?.wait, undefined);
  assert.equal(counters.take([{ ...request, amount: 3 }]), undefined);
});

test('adding asks for no limit, and counts of different windows are different counts', () => {
  const counters = new MemoryCounters(fakeClock());
  counters.add([{ ...request, amount: 10 }]);
  assert.notEqual(counters.take([request]), undefined);
  assert.equal(counters.take([{ ...request, window: 3_600_000 }]), undefined);
});

test('a flood of keys does not grow the memory', () => {
  const counters = new MemoryCounters(fakeClock(), 100);
  for (let key = 0; key < 10_000; key += 1) counters.add([{ ...request, key: String(key) }]);
  assert.equal(counters.size, 100);
});

test('whoever waits as long as asked fits', () => {
  const whole = fc.integer({ min: 0, max: 1000 });
  fc.assert(
    fc.property(
      whole,
      whole,
      whole,
      fc.integer({ min: 0, max: 59_999 }),
      (current, previous, most, elapsed) => {
        const asked = { key: 'k', amount: 1, most, window: 60_000 };
        const overrun = overrunOf(asked, { current, previous, elapsed });
        if (overrun?.wait === undefined) return;
        const then = elapsed + overrun.wait;
        const later =
          then < 60_000
            ? { current, previous, elapsed: then }
            : then < 120_000
              ? { current: 0, previous: current, elapsed: then - 60_000 }
              : { current: 0, previous: 0, elapsed: then - 120_000 };
        assert.equal(overrunOf(asked, later), undefined);
      },
    ),
  );
});
