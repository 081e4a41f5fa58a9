import assert from 'node:assert/strict';
import test from 'node:test';
import type { MessageBody, MessageRecord, QueueItem } from '../../src/contract/index.ts';
import { Agenda, type Pending } from '../../src/delivery/agenda.ts';
import type { AgendaLimits } from '../../src/delivery/agenda-limits.ts';

const MINUTE = 60_000;
const message: MessageRecord = {
  id: 'M1',
  sender: '',
  arrivedAt: 0,
  size: 0,
  head: '',
  parameters: {},
  origin: { session: 'S1' },
  notes: {},
};

let last = 0;
function pending(destination: string, size?: number, share?: { users: number }): Pending {
  const item: QueueItem = {
    id: String(++last).padStart(7, '0'),
    message: 'M1',
    transport: 'deliver-test',
    destination,
    recipients: [{ address: `joe@${destination}` }],
    state: 'waiting',
    reason: { kind: 'fresh' },
    attempts: 0,
    due: 0,
    expires: 1e12,
  };
  const body = size === undefined ? undefined : ({ size } as MessageBody);
  return { item, message, body, ...(share && { share }) };
}

function agenda(
  limits: Partial<Omit<AgendaLimits, 'concurrency'>> & { concurrency?: number; slots?: number } = {},
): Agenda {
  const { concurrency = 2, slots = 1000, ...rest } = limits;
  return new Agenda({
    window: 100,
    windowBytes: 1000,
    laneRest: 30_000,
    concurrency: slots,
    slowConcurrency: 1000,
    rules: () => ({ connections: concurrency }),
    chance: () => 0.5,
    ...rest,
  });
}

function fill(into: Agenda, destination: string, count: number, now = 0): Pending[] {
  return Array.from({ length: count }, () => {
    const each = pending(destination);
    into.add(each, now);
    return each;
  });
}

function drain(from: Agenda, now: number, limit = 1000): Pending[] {
  const all: Pending[] = [];
  for (let next = from.next(now); next !== undefined && all.length < limit; next = from.next(now))
    all.push(next);
  return all;
}

const destinations = (all: readonly Pending[]): string => all.map(({ item }) => item.destination).join(' ');

test('lanes take turns, each within its own concurrency', () => {
  const here = agenda({ concurrency: 2 });
  fill(here, 'a', 5);
  fill(here, 'b', 2);
  fill(here, 'c', 1);
  assert.equal(destinations(drain(here, 0)), 'a b c a b');
});

test('a lane keeps its order and goes on when a slot becomes free', () => {
  const here = agenda({ concurrency: 1 });
  const items = fill(here, 'a', 3);
  for (const expected of items) {
    const next = here.next(0);
    assert.equal(next, expected);
    assert.equal(here.next(0), undefined);
    here.finish(expected, 'reached', 0);
  }
});

test('an unreachable destination gives its waiting items back and rests, longer each time', () => {
  const here = agenda({ concurrency: 1 });
  let now = 0;
  const rests: number[] = [];
  for (let failure = 0; failure < 9; failure++) {
    fill(here, 'dead', 1, now);
    const [probe] = drain(here, now) as [Pending];
    here.finish(probe, 'unreachable', now);
    here.release(probe.item.id);
    const until = here.add(pending('dead'), now) as number;
    rests.push((until - now) / 1000);
    assert.deepEqual(
      here.wanted(now).except.map(({ destination }) => destination),
      ['dead'],
    );
    now = until;
    here.refresh(now);
  }
  assert.deepEqual(rests, [30, 60, 120, 240, 480, 960, 1920, 1920, 1920]);
});

test('after a rest one item goes ahead alone, and the others follow once it has reached somebody', () => {
  const here = agenda({ concurrency: 5 });
  fill(here, 'slow', 5);
  const [first, ...others] = drain(here, 0) as [Pending, ...Pending[]];
  assert.equal(here.finish(first, 'unreachable', 0).length, 0);
  for (const other of others) here.finish(other, 'unreachable', 0);
  const now = 30_000;
  here.refresh(now);
  const waiting = [pending('slow'), pending('slow')] as const;
  assert.equal(here.add(waiting[0], now), undefined);
  assert.equal(
    here.add(waiting[1], now),
    now + 30_000,
    'the second one is sent back while the first is the probe',
  );
  assert.equal(drain(here, now).length, 1);
  here.finish(waiting[0], 'reached', now);
  fill(here, 'slow', 5, now);
  assert.equal(drain(here, now).length, 5);
});

test('attempts that run side by side fail together, once', () => {
  const here = agenda({ concurrency: 5 });
  fill(here, 'dead', 5);
  for (const each of drain(here, 0)) here.finish(each, 'unreachable', 0);
  assert.equal(here.add(pending('dead'), 0), 30_000);
});

test('a rest ends when the first item that is known expires, but is never shorter than the first rest', () => {
  for (const [expires, rest] of [
    [1_000_000, 120],
    [100_000, 100],
    [10_000, 30],
  ] as const) {
    const here = agenda({ concurrency: 1 });
    let now = 0;
    let until = 0;
    for (let failure = 0; failure < 3; failure++) {
      now = until;
      const each = pending('dead');
      here.add({ ...each, item: { ...each.item, expires: now + expires } }, now);
      here.finish(here.next(now) as Pending, 'unreachable', now);
      until = here.add(pending('dead'), now) as number;
    }
    assert.equal((until - now) / 1000, rest);
  }
});

test('an operator ends a rest', () => {
  const here = agenda();
  fill(here, 'dead', 1);
  for (const each of drain(here, 0)) here.finish(each, 'unreachable', 0);
  here.wake({ transport: 'deliver-test', destination: 'dead' });
  fill(here, 'dead', 1);
  assert.equal(drain(here, 0).length, 1);
});

test('a full lane is left out of the next take, and asked for again when half of it is gone', () => {
  const here = agenda({ concurrency: 2 });
  fill(here, 'big', 8);
  fill(here, 'small', 1);
  assert.deepEqual(
    here.wanted(0).except.map(({ destination }) => destination),
    ['big'],
  );
  for (let left = 7; left >= 5; left--) here.finish(here.next(0) as Pending, 'reached', 0);
  assert.equal(here.takeReopened(), false);
  for (let left = 4; left >= 3; left--) here.finish(here.next(0) as Pending, 'reached', 0);
  assert.equal(here.takeReopened(), true);
  assert.equal(here.takeReopened(), false);
});

test('fresh items are admitted while their lane runs, the window has room and their octets fit', () => {
  const here = agenda({ concurrency: 1, window: 5, windowBytes: 1000 });
  const { item } = pending('a');
  assert.equal(here.admits(item, 1000, 0), true);
  assert.equal(here.admits(item, 1001, 0), false);
  const big = pending('b', 600);
  here.add(big, 0);
  assert.equal(here.admits(item, 401, 0), false);
  here.finish(here.next(0) as Pending, 'reached', 0);
  assert.equal(here.admits(item, 401, 0), true, 'the octets go with the attempt');
  fill(here, 'a', 4);
  assert.equal(here.admits(item, 0, 0), false, 'the lane is full');
  assert.equal(
    here.admits({ ...item, destination: 'c' }, 0, 0),
    false,
    'the window is full until the outcome is written',
  );
  here.release(big.item.id);
  assert.equal(here.admits({ ...item, destination: 'c' }, 0, 0), true);
});

test('octets that several items share count once, until the last of them is done', () => {
  const here = agenda({ concurrency: 5 });
  const share = { users: 0 };
  for (const destination of ['a', 'b', 'c']) here.add(pending(destination, 600, share), 0);
  assert.equal(here.bytes, 600);
  const [first, second, third] = drain(here, 0) as [Pending, Pending, Pending];
  here.finish(first, 'reached', 0);
  here.finish(second, 'unreachable', 0);
  assert.equal(here.bytes, 600);
  here.finish(third, 'reached', 0);
  assert.equal(here.bytes, 0);
});

test('a waiting item can be forgotten, a running one cannot', () => {
  const here = agenda({ concurrency: 1 });
  const [running, waiting] = fill(here, 'a', 2) as [Pending, Pending];
  here.next(0);
  assert.equal(here.forget(running.item), false);
  assert.equal(here.forget(waiting.item), true);
  assert.equal(here.holds(waiting.item.id), false);
  here.finish(running, 'reached', 0);
  assert.equal(here.next(0), undefined);
});

test('lanes leave no trace once there is nothing to remember of them', () => {
  const here = agenda({ window: 10_000, slots: 2000 });
  for (let lane = 0; lane < 1000; lane++) fill(here, `a${lane}`, 1);
  drain(here, 0).forEach((each, index) => {
    here.finish(each, index % 2 === 0 ? 'unreachable' : 'reached', 0);
    here.release(each.item.id);
  });
  here.refresh(20 * MINUTE);
  assert.equal(here.lanes, 500, 'those that could not be reached');
  here.refresh(90 * MINUTE);
  assert.equal(here.lanes, 0);
  assert.equal(here.size, 0);
});

test('however many lanes rest, a take leaves out a bounded number, the full ones among them', () => {
  const here = agenda({ concurrency: 1, window: 10_000, slots: 5000 });
  for (let lane = 0; lane < 5000; lane++) fill(here, `dead${lane}`, 1);
  for (const each of drain(here, 0, 6000)) here.finish(each, 'unreachable', 0);
  fill(here, 'full', 4);
  const closed = here.wanted(0).except;
  assert.equal(closed.length, 2000);
  assert.equal(closed[0]?.destination, 'full');
});

test('lanes that take long do not keep slots from lanes that answer soon', () => {
  const agendaOfTwo = agenda({ concurrency: 2, slots: 2, window: 20 });
  for (const destination of ['slow.example', 'fast.example']) {
    fill(agendaOfTwo, destination, 1);
    agendaOfTwo.finish(agendaOfTwo.next(0) as Pending, 'reached', 0);
  }
  fill(agendaOfTwo, 'slow.example', 10);
  assert.equal(drain(agendaOfTwo, 0).length, 2);
  fill(agendaOfTwo, 'fast.example', 2);
  assert.equal(agendaOfTwo.next(999), undefined, 'no slot');
  assert.equal(agendaOfTwo.slotFreeAt, 1000);
  const back = agendaOfTwo.makeRoom(1000);
  assert.deepEqual(
    back.map(({ item }) => item.destination),
    Array(6).fill('slow.example'),
    'of what waits for a slow destination only the next ones stay in memory',
  );
  assert.deepEqual(
    drain(agendaOfTwo, 1000).map(({ item }) => item.destination),
    ['fast.example', 'fast.example'],
  );
});

test('a slow lane whose attempts end goes on', () => {
  const slowOne = agenda({ concurrency: 1, slots: 1 });
  fill(slowOne, 'slow.example', 3);
  const first = slowOne.next(0) as Pending;
  slowOne.makeRoom(1000);
  assert.equal(slowOne.next(1000), undefined, 'one at a time');
  slowOne.finish(first, 'reached', 5000);
  assert.notEqual(slowOne.next(5000), undefined);
});

test('a slow lane takes no more than its share of a window that is getting full', () => {
  const here = agenda({ concurrency: 1, slots: 1, window: 6 });
  fill(here, 'slow.example', 1);
  here.finish(here.next(0) as Pending, 'reached', 5000);
  const [first, second] = [pending('slow.example'), pending('slow.example')];
  assert.equal(here.add(first, 5000), undefined);
  fill(here, 'fast.example', 2, 5000);
  assert.equal(here.add(second, 5000), 15_000, 'it waits in the store');
  assert.equal(here.add(pending('fast.example'), 5000), undefined);
});

test('of a slow lane the store gives as many as its share of such a window has room for', () => {
  const here = agenda({ concurrency: 2, window: 8 });
  fill(here, 'slow.example', 2);
  assert.equal(drain(here, 0).length, 2);
  here.makeRoom(1000);
  fill(here, 'brisk.example', 2, 1000);
  assert.deepEqual(here.wanted(1000), { except: [], rooms: [] }, 'there is room for all');
  fill(here, 'brisk.example', 1, 1000);
  const few = { transport: 'deliver-test', destination: 'slow.example', room: 2 };
  assert.deepEqual(here.wanted(1000), { except: [], rooms: [few] });
  fill(here, 'slow.example', 1, 1000);
  assert.deepEqual(here.wanted(1000).rooms, [{ ...few, room: 1 }]);
});

test('of a lane that has rested, the store gives one item, and all that have expired', () => {
  const here = agenda({ concurrency: 2 });
  fill(here, 'dead.example', 1);
  here.finish(here.next(0) as Pending, 'unreachable', 0);
  const lane = { transport: 'deliver-test', destination: 'dead.example' };
  assert.deepEqual(here.wanted(29_999), { except: [lane], rooms: [] });
  assert.deepEqual(here.wanted(30_000), { except: [], rooms: [{ ...lane, room: 1 }] });
  const late = pending('dead.example');
  assert.equal(here.add({ ...late, item: { ...late.item, expires: 30_000 } }, 30_000), undefined);
  assert.deepEqual(here.wanted(30_000), { except: [], rooms: [] }, 'others may have expired, too');
  assert.notEqual(here.add(pending('dead.example'), 30_000), undefined);
  assert.deepEqual(here.wanted(30_000), { except: [lane], rooms: [] }, 'this one has not');
});

test('what answers soon has the last part of the window for itself while too many others are silent', () => {
  const here = agenda({ concurrency: 20, slots: 4, slowConcurrency: 1, window: 20 });
  fill(here, 'brisk.example', 1);
  const first = here.next(0) as Pending;
  here.finish(first, 'reached', 0);
  here.release(first.item.id);
  fill(here, 'silent.example', 1);
  here.next(0);
  for (let lane = 0; lane < 15; lane++) assert.equal(here.add(pending(`new${lane}.example`), 0), undefined);
  assert.equal(here.add(pending('new15.example'), 0), undefined);
  here.makeRoom(1000);
  assert.equal(here.add(pending('new16.example'), 1000), 11_000, 'it waits in the store');
  assert.equal(here.admits(pending('new17.example').item, 0, 1000), false);
  const brisk = pending('brisk.example');
  assert.equal(here.admits(brisk.item, 0, 1000), true);
  assert.equal(here.add(brisk, 1000), undefined);
});
