// The throttle of a destination: more at a time while it is reached, fewer when it is not, a rest when it is dead.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Throttle } from '../../src/delivery/throttle.ts';

const FIRST_REST = 30_000;

/** As many attempts as may, side by side. */
function begin(throttle: Throttle, now: number): number {
  let begun = 0;
  for (; throttle.obstacle(now) === undefined; begun++) throttle.begin(now);
  return begun;
}

/** One that is reached and takes so many at a time. */
function proven(connections: number): Throttle {
  const throttle = new Throttle({ connections });
  do {
    throttle.begin(0);
    throttle.reached();
  } while (throttle.allowed < connections);
  return throttle;
}

test('five attempts at first, one more for each success, up to the bound', () => {
  const throttle = new Throttle({ connections: 8 });
  const sizes: number[] = [];
  for (let round = 0; round < 4; round++) {
    const begun = begin(throttle, round);
    sizes.push(begun);
    // One of the round succeeds; the others never were.
    for (let each = 1; each < begun; each++) throttle.takeBack();
    throttle.reached();
  }
  assert.deepEqual(sizes, [5, 6, 7, 8]);
  assert.equal(throttle.allowed, 8);
  assert.equal(new Throttle({ connections: 2 }).allowed, 2);
});

test('a failure halves what may run, once for all that ran side by side, and successes add one for each round', () => {
  const throttle = proven(16);
  assert.equal(begin(throttle, 100), 16);
  assert.equal(throttle.missed(100, 200), false);
  assert.equal(throttle.allowed, 8);
  assert.equal(throttle.missed(100, 201), false);
  assert.equal(throttle.allowed, 8, 'it began before the cut');
  for (let each = 0; each < 14; each++) throttle.reached();
  assert.equal(throttle.allowed, 9, 'one more after eight successes');
  begin(throttle, 300);
  throttle.missed(300, 400);
  assert.equal(throttle.allowed, 4);
});

test('a destination is dead when as many in a row have failed as ran, and not for one among successes', () => {
  const throttle = proven(4);
  begin(throttle, 0);
  assert.equal(throttle.missed(0, 1), false);
  throttle.reached();
  begin(throttle, 2);
  const dead = Array.from({ length: throttle.running }, () => throttle.missed(2, 3));
  assert.deepEqual(dead, [false, true], 'two ran side by side');
});

test('one that runs alone decides alone, and so does the first of a destination that nobody knows', () => {
  const known = proven(4);
  known.begin(0);
  assert.equal(known.missed(0, 1), true);
  const unknown = new Throttle({ connections: 20 });
  begin(unknown, 0);
  assert.equal(unknown.missed(0, 1), true);
});

test('after a rest one attempt goes ahead; five follow when it was reached, and a longer rest when it was not', () => {
  const throttle = proven(20);
  throttle.begin(0);
  throttle.missed(0, 0);
  throttle.rest(0, FIRST_REST, 0.5);
  assert.equal(throttle.obstacle(29_999), 'back-off');
  assert.equal(begin(throttle, 30_000), 1);
  assert.equal(throttle.missed(30_000, 30_000), true);
  throttle.rest(30_000, FIRST_REST, 0.5);
  assert.equal(throttle.restsUntil, 90_000);
  assert.equal(begin(throttle, 90_000), 1);
  assert.equal(throttle.reached(), 2, 'it says how often it had rested');
  assert.equal(begin(throttle, 90_001), 5);
});

test('what ran beside the attempt after which it rests is no failure of its own', () => {
  const throttle = new Throttle({ connections: 5 });
  begin(throttle, 0);
  throttle.missed(0, 10);
  throttle.rest(10, FIRST_REST, 0.5);
  assert.equal(throttle.missed(0, 20), false);
  assert.deepEqual([throttle.failures, throttle.restsUntil], [1, 30_010]);
});

test('rests differ by a tenth either way, and are cut short for mail that expires, to the first rest at least', () => {
  const rests = (chance: number, left?: number): number[] => {
    const throttle = new Throttle({ connections: 1 });
    return [1, 2, 3].map(() => {
      throttle.rest(0, FIRST_REST, chance, left);
      return throttle.restsUntil / 1000;
    });
  };
  assert.deepEqual(rests(0), [27, 54, 108]);
  assert.deepEqual(rests(0.5), [30, 60, 120]);
  assert.deepEqual(rests(0.5, 100_000), [30, 60, 100]);
  assert.deepEqual(rests(0.5, 1000), [30, 30, 30]);
});

test('one that says this is too much gets half as much at a time, once for what ran side by side, and never rests', () => {
  const throttle = proven(8);
  assert.equal(begin(throttle, 100), 8);
  for (let ended = 0; ended < 8; ended++) assert.equal(throttle.overcharged(100, 200), 0);
  assert.deepEqual([begin(throttle, 200), throttle.failures], [4, 0]);
  for (let ended = 0; ended < 4; ended++) throttle.reached();
  assert.equal(begin(throttle, 300), 4, 'one more comes with the next round');
});

test('a rate holds attempts back, whatever their number', () => {
  const throttle = new Throttle({ connections: 10, messagesPerSecond: 2 });
  assert.equal(begin(throttle, 0), 2);
  assert.deepEqual([throttle.obstacle(0), throttle.paceAt(0)], ['rate', 500]);
  throttle.takeBack();
  assert.equal(throttle.obstacle(0), undefined, 'what was no attempt costs nothing');
});
