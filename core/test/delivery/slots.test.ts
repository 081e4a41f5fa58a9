// Slots: a table of what begins and ends, and who still finds room.

import assert from 'node:assert/strict';
import test from 'node:test';
import { type LaneState, newLane } from '../../src/delivery/lane.ts';
import { SLOW_AFTER, Slots } from '../../src/delivery/slots.ts';

const lane = (destination: string, { proven = true, slow = false } = {}): LaneState => {
  const made = newLane({ transport: 't', destination }, { connections: 20 });
  made.throttle.proven = proven;
  made.slow = slow;
  return made;
};

/** As the agenda does. */
function begin(slots: Slots, item: string, of: LaneState): void {
  slots.begin(item, of, 0);
  of.throttle.begin(0);
}

test('as many attempts run as there are slots', () => {
  const slots = new Slots(2, 10);
  const fast = lane('fast.example');
  begin(slots, '1', fast);
  assert.equal(slots.hasRoomFor(fast), true);
  begin(slots, '2', fast);
  assert.deepEqual([slots.open, slots.hasRoomFor(fast), slots.running], [false, false, 2]);
  assert.deepEqual(slots.end('1', 10).lane, fast);
  assert.deepEqual([slots.open, slots.running, fast.slow], [true, 1, false]);
});

test('an attempt that takes long gives up its slot, and its lane is slow', () => {
  const slots = new Slots(1, 10);
  const slow = lane('slow.example');
  begin(slots, '1', slow);
  assert.equal(slots.nextSlowAt, SLOW_AFTER);
  assert.deepEqual(slots.moveSlow(SLOW_AFTER - 1), []);
  assert.deepEqual(slots.moveSlow(SLOW_AFTER), [slow]);
  assert.deepEqual([slow.slow, slots.open, slots.running, slots.nextSlowAt], [true, true, 1, undefined]);
  assert.deepEqual(slots.moveSlow(SLOW_AFTER), [], 'once');
});

test('the next attempts of a slow lane take no slot from the others', () => {
  const slots = new Slots(1, 10);
  const slow = lane('slow.example', { slow: true });
  begin(slots, '1', slow);
  assert.deepEqual([slots.open, slots.running], [true, 1]);
});

test('a lane whose attempt ends soon is slow no more', () => {
  const slots = new Slots(1, 10);
  const recovered = lane('recovered.example', { slow: true });
  begin(slots, '1', recovered);
  slots.end('1', SLOW_AFTER - 1);
  assert.equal(recovered.slow, false);
});

test('when half of the slow slots are taken each slow lane has one', () => {
  const slots = new Slots(10, 4);
  const [first, second] = [lane('a.example', { slow: true }), lane('b.example', { slow: true })];
  begin(slots, '1', first);
  assert.equal(slots.hasRoomFor(first), true);
  begin(slots, '2', first);
  assert.deepEqual([slots.hasRoomFor(first), slots.hasRoomFor(second)], [false, true]);
  begin(slots, '3', second);
  begin(slots, '4', lane('c.example', { slow: true }));
  assert.deepEqual(
    [slots.isOpenTo('slow'), slots.hasRoomFor(lane('d.example', { slow: true }))],
    [false, false],
  );
});

test('new lanes share half of the slots, and have one each where a quarter is taken', () => {
  const slots = new Slots(8, 8);
  const [first, second, third] = [
    lane('a.example', { proven: false }),
    lane('b.example', { proven: false }),
    lane('c.example', { proven: false }),
  ];
  begin(slots, '1', first);
  assert.equal(slots.hasRoomFor(first), true);
  begin(slots, '2', first);
  assert.deepEqual([slots.hasRoomFor(first), slots.hasRoomFor(second)], [false, true]);
  begin(slots, '3', second);
  begin(slots, '4', third);
  assert.deepEqual([slots.isOpenTo('new'), slots.isOpenTo('brisk')], [false, true]);
  slots.moveSlow(SLOW_AFTER);
  assert.deepEqual([slots.isOpenTo('new'), slots.running], [true, 4]);
});
