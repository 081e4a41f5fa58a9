// Slots: a table of what begins and ends, and who still finds room.

import assert from 'node:assert/strict';
import test from 'node:test';
import { type LaneState, newLane } from '../../src/delivery/lane.ts';
import { SLOW_AFTER, Slots } from '../../src/delivery/slots.ts';

const lane = (destination: string, known: Partial<LaneState> = { proven: true }): LaneState => ({
  ...newLane({ transport: 't', destination }, 20),
  ...known,
});

test('as many attempts run as there are slots', () => {
  const slots = new Slots(2, 10);
  const fast = lane('fast.example');
  slots.begin('1', fast, 0);
  assert.equal(slots.hasRoomFor(fast), true);
  slots.begin('2', fast, 0);
  assert.deepEqual([slots.open, slots.hasRoomFor(fast), slots.running, fast.running], [false, false, 2, 2]);
  assert.equal(slots.end('1', 10), fast);
  assert.deepEqual([slots.open, fast.running, fast.slow], [true, 1, false]);
});

test('an attempt that takes long gives up its slot, and its lane is slow', () => {
  const slots = new Slots(1, 10);
  const slow = lane('slow.example');
  slots.begin('1', slow, 0);
  assert.equal(slots.nextSlowAt, SLOW_AFTER);
  assert.deepEqual(slots.moveSlow(SLOW_AFTER - 1), []);
  assert.deepEqual(slots.moveSlow(SLOW_AFTER), [slow]);
  assert.deepEqual([slow.slow, slots.open, slots.running, slots.nextSlowAt], [true, true, 1, undefined]);
  assert.deepEqual(slots.moveSlow(SLOW_AFTER), [], 'once');
});

test('the next attempts of a slow lane take no slot from the others', () => {
  const slots = new Slots(1, 10);
  const slow = lane('slow.example', { slow: true });
  slots.begin('1', slow, 0);
  assert.deepEqual([slots.open, slots.running], [true, 1]);
});

test('a lane whose attempt ends soon is slow no more', () => {
  const slots = new Slots(1, 10);
  const recovered = lane('recovered.example', { slow: true });
  slots.begin('1', recovered, 0);
  slots.end('1', SLOW_AFTER - 1);
  assert.equal(recovered.slow, false);
});

test('when half of the slow slots are taken each slow lane has one', () => {
  const slots = new Slots(10, 4);
  const [first, second] = [lane('a.example', { slow: true }), lane('b.example', { slow: true })];
  slots.begin('1', first, 0);
  assert.equal(slots.hasRoomFor(first), true);
  slots.begin('2', first, 0);
  assert.deepEqual([slots.hasRoomFor(first), slots.hasRoomFor(second)], [false, true]);
  slots.begin('3', second, 0);
  slots.begin('4', lane('c.example', { slow: true }), 0);
  assert.deepEqual(
    [slots.isOpenTo('slow'), slots.hasRoomFor(lane('d.example', { slow: true }))],
    [false, false],
  );
});

test('new lanes share half of the slots, and have one each where a quarter is taken', () => {
  const slots = new Slots(8, 8);
  const [first, second, third] = [lane('a.example', {}), lane('b.example', {}), lane('c.example', {})];
  slots.begin('1', first, 0);
  assert.equal(slots.hasRoomFor(first), true);
  slots.begin('2', first, 0);
  assert.deepEqual([slots.hasRoomFor(first), slots.hasRoomFor(second)], [false, true]);
  slots.begin('3', second, 0);
  slots.begin('4', third, 0);
  assert.deepEqual([slots.isOpenTo('new'), slots.isOpenTo('brisk')], [false, true]);
  slots.moveSlow(SLOW_AFTER);
  assert.deepEqual([slots.isOpenTo('new'), slots.running], [true, 4]);
});
