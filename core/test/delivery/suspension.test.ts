// Suspended destinations, in the whole delivery room: their mail waits, and nobody else's.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Outcome } from '../../src/contract/index.ts';
import { gate, HOUR, MINUTE, openRoom, type Room } from './room.ts';

const lane = { transport: 'deliver-test', destination: 'a.example' };
const delivered = (): Outcome => Outcome.delivered();

const to = (room: Room, domain: string): number =>
  room.deliveries.filter((each) => each.includes(`:${domain} `)).length;

test('what waits for a suspended destination and what comes for it later stays, until it is resumed', async () => {
  const slow = gate<Outcome>();
  const room = openRoom({ settings: { laneConcurrency: 1 }, transports: [{ answer: () => slow.promise }] });
  await room.settle();
  for (let each = 0; each < 3; each++) await room.send();
  await room.settle();
  assert.equal(room.scheduler.running, 1);
  assert.deepEqual(await room.control.suspend('a.example'), [lane]);
  const since = room.clock.now();
  slow.open(Outcome.delivered());
  await room.send();
  await room.send({ to: ['joe@b.example'] });
  await room.clock.advance(2 * HOUR);
  assert.deepEqual([to(room, 'a.example'), to(room, 'b.example')], [1, 1], 'what ran has ended');
  const { destinations } = await room.control.summary({});
  assert.deepEqual(
    destinations.map(({ destination, waiting, lane: report }) => [destination, waiting, report?.wait]),
    [['a.example', 3, { kind: 'suspended', since }]],
  );
  assert.deepEqual(await room.control.resume('a.example'), [lane]);
  await room.settle();
  assert.equal(to(room, 'a.example'), 4);
  assert.deepEqual(await room.items(), []);
  assert.deepEqual(room.events('destination-suspended'), [lane]);
  assert.deepEqual(room.events('destination-resumed'), [lane]);
});

test('a suspension is kept over restarts, and shown though nothing waits', async () => {
  const room = openRoom({ started: false, transports: [{ answer: delivered }] });
  await room.store.commit({ suspend: [{ ...lane, since: 7 }] });
  await room.send();
  room.scheduler.start();
  await room.send();
  await room.clock.advance(MINUTE);
  assert.equal(to(room, 'a.example'), 0);
  await room.control.act({}, { do: 'drop' });
  const { destinations } = await room.control.summary({});
  assert.deepEqual(
    destinations.map(({ destination, waiting, lane: report }) => [destination, waiting, report?.wait]),
    [['a.example', 0, { kind: 'suspended', since: 7 }]],
  );
});

test('what another server on the same queue suspends or resumes holds here within ten seconds', async () => {
  const room = openRoom({ transports: [{ answer: delivered }] });
  await room.settle();
  await room.store.commit({ suspend: [{ ...lane, since: 7 }] });
  await room.clock.advance(10_000);
  await room.send();
  await room.settle();
  assert.equal(to(room, 'a.example'), 0);
  await room.store.commit({ resume: [lane] });
  await room.clock.advance(10_000);
  assert.equal(to(room, 'a.example'), 1);
});

test('mail that expires while its destination is suspended is returned to its sender', async () => {
  const room = openRoom({ settings: { expireAfter: 2 * HOUR }, transports: [{ answer: delivered }] });
  await room.settle();
  await room.control.suspend('a.example');
  await room.send();
  await room.clock.advance(3 * HOUR);
  assert.deepEqual([to(room, 'a.example'), to(room, 'sender.example')], [0, 1]);
  assert.equal(room.events('notice-queued')[0]?.action, 'failed');
  assert.equal(room.scheduler.withoutNextAction, 0);
});

test('a plugin may be named, and one that carries no mail is none', async () => {
  const room = openRoom({
    transports: [
      { name: 'deliver-one', claim: ({ local }) => (local === 'one' ? 'x' : undefined), answer: delivered },
      { name: 'deliver-two', claim: () => 'x', answer: delivered },
    ],
  });
  await room.settle();
  assert.deepEqual(await room.control.suspend('x', 'deliver-none'), []);
  assert.equal((await room.control.suspend('x', 'deliver-one')).length, 1);
  await room.send({ to: ['one@a.example'] });
  await room.send({ to: ['two@a.example'] });
  await room.clock.advance(MINUTE);
  assert.deepEqual(room.deliveries, ['deliver-two:x two@a.example #1']);
  assert.deepEqual(await room.control.resume('x', 'deliver-two'), []);
  assert.equal((await room.control.suspend('x')).length, 2);
  assert.equal((await room.control.resume('x')).length, 2);
});
