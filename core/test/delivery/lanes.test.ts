// The delivery room under uneven loads, on the fake clock: nobody pays for the trouble of others.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Outcome, type QueueItem } from '../../src/contract/index.ts';
import { HOUR, MINUTE, openRoom, type Room } from './room.ts';

/** Many items of one destination in the store, as after a restart. */
async function backlog(room: Room, domain: string, count: number): Promise<void> {
  const draft = room.store.draft();
  await draft.write(Buffer.from('Subject: one of many\r\n\r\n'));
  const body = await draft.finish();
  const now = room.clock.now();
  const items = Array.from(
    { length: count },
    (_, index): QueueItem => ({
      id: `B-${domain}-${String(index).padStart(7, '0')}`,
      message: `B-${domain}`,
      transport: 'deliver-test',
      destination: domain,
      recipients: [{ address: `u${index}@${domain}` }],
      state: 'waiting',
      reason: { kind: 'fresh' },
      attempts: 0,
      due: now - HOUR,
      expires: now + 5 * 24 * HOUR,
    }),
  );
  const message = {
    id: `B-${domain}`,
    sender: '',
    arrivedAt: now,
    size: 24,
    head: '',
    parameters: {},
    origin: { session: 'S' },
    notes: {},
  };
  await room.store.commit({ put: [{ message, body, items, leaseUntil: undefined }] });
}

const countOf = (room: Room, domain: string): number =>
  room.deliveries.filter((each) => each.includes(`:${domain} `)).length;

test('a destination with 100,000 waiting items does not starve the others', async () => {
  const room: Room = openRoom({
    started: false,
    transports: [
      {
        answer: ({ destination }) =>
          destination === 'huge.example'
            ? new Promise((resolve) => room.clock.after(1000, () => resolve(Outcome.delivered())))
            : Outcome.delivered(),
      },
    ],
  });
  await backlog(room, 'huge.example', 100_000);
  await backlog(room, 'small.example', 300);
  room.scheduler.start();
  await room.clock.advance(1500);
  await room.send({ to: ['joe@fresh.example'] });
  await room.settle();
  assert.equal(countOf(room, 'fresh.example'), 1, 'a fresh message goes at once');
  await room.clock.advance(3000);
  assert.equal(countOf(room, 'small.example'), 300);
  const huge = countOf(room, 'huge.example');
  assert.ok(huge >= 60 && huge <= 120, `${huge} deliveries in 4.5 s: 20 at a time, all the time`);
  assert.equal(room.scheduler.running, 20);
});

test('hundreds of silent destinations, more than there are slots, do not keep mail from the others', async () => {
  const room: Room = openRoom({
    started: false,
    transports: [
      {
        answer: ({ destination }) =>
          destination.startsWith('silent')
            ? new Promise((resolve) =>
                room.clock.after(5 * MINUTE, () => resolve(Outcome.deferred('4.4.2', 'no greeting'))),
              )
            : Outcome.delivered(),
      },
    ],
  });
  for (let each = 0; each < 300; each++) await backlog(room, `silent${each}.example`, 20);
  await backlog(room, 'alive.example', 2000);
  room.scheduler.start();
  await room.clock.advance(20_000);
  assert.equal(countOf(room, 'alive.example'), 2000);
  await room.send({ to: ['joe@fresh.example'] });
  await room.settle();
  assert.equal(countOf(room, 'fresh.example'), 1, 'and a fresh message goes at once');
});

test('a dead destination costs the others nothing and itself one attempt per rest', async () => {
  const room = openRoom({
    started: false,
    transports: [
      {
        answer: ({ destination }) =>
          destination === 'dead.example'
            ? Outcome.deferred('4.4.1', 'connection refused', { scope: 'destination' })
            : Outcome.delivered(),
      },
    ],
  });
  await backlog(room, 'dead.example', 20_000);
  await backlog(room, 'alive.example', 2000);
  room.scheduler.start();
  for (let turns = 0; turns < 20; turns++) await room.settle();
  assert.equal(countOf(room, 'alive.example'), 2000, 'before a second has gone by');
  const first = countOf(room, 'dead.example');
  assert.ok(first <= 20, `${first} attempts before the rest`);
  await room.clock.advance(2 * HOUR);
  const probes = countOf(room, 'dead.example') - first;
  // 30 s, 1, 2, 4, 8, 16 min, then every half hour.
  assert.ok(probes >= 6 && probes <= 10, `${probes} probes in two hours`);
});

test('a destination that comes back gets all its mail', async () => {
  let up = false;
  const room = openRoom({
    started: false,
    transports: [
      {
        answer: () =>
          up
            ? Outcome.delivered()
            : Outcome.deferred('4.4.1', 'connection refused', { scope: 'destination' }),
      },
    ],
  });
  await backlog(room, 'back.example', 3000);
  room.scheduler.start();
  await room.clock.advance(10 * MINUTE);
  up = true;
  await room.clock.advance(HOUR);
  assert.deepEqual(await room.items(), []);
});

test('thousands of dead destinations are neither attempted too often nor in the way', async () => {
  const room = openRoom({
    started: false,
    transports: [
      {
        answer: ({ destination }) =>
          destination.startsWith('dead')
            ? Outcome.deferred('4.4.1', 'connection refused', { scope: 'destination' })
            : Outcome.delivered(),
      },
    ],
  });
  for (let lane = 0; lane < 700; lane++) await backlog(room, `dead${lane}.example`, 5);
  await backlog(room, 'alive.example', 100);
  room.scheduler.start();
  await room.clock.advance(20_000);
  assert.equal(countOf(room, 'alive.example'), 100);
  await room.clock.advance(10 * MINUTE);
  const perLane = (room.deliveries.length - 100) / 700;
  assert.ok(perLane <= 5, `${perLane} attempts per lane in ten minutes`);
});

test('items of a destination that rests over their end are bounced then', async () => {
  const room = openRoom({
    settings: { expireAfter: 6 * HOUR, laneConcurrency: 1 },
    transports: [
      {
        answer: ({ destination }) =>
          destination === 'dead.example'
            ? Outcome.deferred('4.4.1', 'connection refused', { scope: 'destination' })
            : Outcome.delivered(),
      },
    ],
  });
  for (let count = 0; count < 50; count++) await room.send({ to: ['joe@dead.example'], fresh: false });
  await room.clock.advance(6 * HOUR - MINUTE);
  assert.equal(room.events('notice-queued').length, 0);
  await room.clock.advance(2 * MINUTE);
  assert.equal(room.events('notice-queued').length, 50);
  assert.deepEqual(await room.items(), []);
  assert.equal(room.scheduler.withoutNextAction, 0);
});

test('the memory of fresh messages is bounded by the settings', async () => {
  const room = openRoom({
    settings: { windowBytes: 1000 },
    transports: [{ answer: () => new Promise(() => {}) }],
  });
  await room.send({ body: 'x'.repeat(900) });
  const [item] = await room.items();
  assert.equal(room.scheduler.admits([{ ...(item as QueueItem), destination: 'b.example' }], 200), false);
  assert.equal(room.scheduler.admits([{ ...(item as QueueItem), destination: 'b.example' }], 20), true);
});
