// The pace of a lane: when the next attempt may begin.

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Pace } from '../../src/delivery/pace.ts';

/** How many attempts begin until then, each as soon as it may. */
function begun(pace: Pace, from: number, until: number): number {
  let count = 0;
  for (let now = from; now < until; now = Math.max(now, pace.nextAt(now))) {
    if (pace.nextAt(now) > now) continue;
    pace.spend(now);
    count += 1;
  }
  return count;
}

test('a second’s worth may begin at once, and then no more than the rate', () => {
  const pace = new Pace(10);
  assert.equal(begun(pace, 0, 1), 10);
  assert.equal(pace.nextAt(0), 100);
  assert.equal(begun(pace, 1, 10_001), 100);
});

test('a slow rate is spread evenly, never saved up', () => {
  const pace = new Pace(100 / 3600);
  assert.equal(begun(pace, 0, 1), 1);
  assert.equal(pace.nextAt(1), 36_000);
  assert.equal(begun(pace, 10 * 3_600_000, 11 * 3_600_000), 100);
});

test('what is given back may be spent again', () => {
  const pace = new Pace(1);
  pace.spend(0);
  assert.equal(pace.nextAt(0), 1000);
  pace.giveBack();
  assert.equal(pace.nextAt(0), 0);
});

test('whatever the rate and the times, never more begin than the rate and one second’s worth', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.001, max: 1000, noNaN: true }),
      fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 200 }),
      (rate, steps) => {
        const pace = new Pace(rate);
        let [now, count] = [1_000_000, 0];
        for (const step of steps) {
          now += step;
          for (let tries = 0; tries < 3 && pace.nextAt(now) === now; tries++) {
            pace.spend(now);
            count += 1;
          }
        }
        assert.ok(count <= Math.max(1, rate) + ((now - 1_000_000) / 1000) * rate + 1e-3);
      },
    ),
  );
});
