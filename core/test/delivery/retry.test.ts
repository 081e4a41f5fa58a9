import assert from 'node:assert/strict';
import test from 'node:test';
import { expiryOf, laneRest, nextAttempt } from '../../src/delivery/retry.ts';

const SECOND = 1000;
const rules = { retryAfter: [60 * SECOND, 300 * SECOND, 900 * SECOND] };

test('the wait grows with the attempts, and the last wait repeats', () => {
  const table: readonly (readonly [attempts: number, wait: number])[] = [
    [1, 60],
    [2, 300],
    [3, 900],
    [4, 900],
    [1000, 900],
  ];
  for (const [attempts, wait] of table) {
    assert.equal(
      nextAttempt({ attempts, expires: 1e12 }, 5000, rules, 0.5),
      5000 + wait * SECOND,
      `${attempts} attempts`,
    );
  }
});

test('chance makes a wait up to a tenth shorter or longer', () => {
  assert.equal(nextAttempt({ attempts: 1, expires: 1e12 }, 0, rules, 0), 54 * SECOND);
  assert.equal(nextAttempt({ attempts: 1, expires: 1e12 }, 0, rules, 0.999_999_999), 66 * SECOND);
});

test('a next hop may ask for more time, and never for less', () => {
  assert.equal(nextAttempt({ attempts: 1, expires: 1e12 }, 0, rules, 0.5, 600 * SECOND), 600 * SECOND);
  assert.equal(nextAttempt({ attempts: 1, expires: 1e12 }, 0, rules, 0.5, 1 * SECOND), 60 * SECOND);
});

test('the last attempt is made when the time is up, whatever the next hop asks for', () => {
  assert.equal(nextAttempt({ attempts: 9, expires: 70 * SECOND }, 0, rules, 0.5), 70 * SECOND);
  assert.equal(nextAttempt({ attempts: 1, expires: 70 * SECOND }, 0, rules, 0.5, 1e15), 70 * SECOND);
});

test('an item whose time is up already is never due in the past', () => {
  assert.equal(nextAttempt({ attempts: 1, expires: 10 }, 20, rules, 0.5), 20);
});

test('a message expires a fixed time after its arrival', () => {
  assert.equal(expiryOf(1000, { expireAfter: 500 }), 1500);
});

test('the rest of a destination doubles with each failure in a row, up to 64 times', () => {
  const rests = [1, 2, 3, 4, 5, 6, 7, 8, 100].map(
    (failures) => laneRest(failures, 30 * SECOND, 0.5) / SECOND,
  );
  assert.deepEqual(rests, [30, 60, 120, 240, 480, 960, 1920, 1920, 1920]);
});
