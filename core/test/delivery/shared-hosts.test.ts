// Destinations whose mail goes to the same hosts, in the whole delivery room: one provider, whatever the number of domains.

import assert from 'node:assert/strict';
import test from 'node:test';
import { type Delivery, Outcome } from '../../src/contract/index.ts';
import { MINUTE, openRoom, type Room } from './room.ts';

const HOSTS = ['mx2.provider.example', 'MX1.provider.example'];
const ROOM_IS_FULL = Outcome.deferred('4.4.5', 'no room');

/** Takes a second for each message; counts how many it has at a time. */
function provider(room: () => Room): {
  answer: (delivery: Delivery) => Outcome | Promise<Outcome>;
  most: number;
  took: number;
} {
  let running = 0;
  const it = {
    most: 0,
    took: 0,
    answer(delivery: Delivery): Outcome | Promise<Outcome> {
      // In another order each time, as mail hosts of equal preference are drawn.
      const hosts = it.took % 2 === 0 ? HOSTS : HOSTS.toReversed();
      if (!delivery.through(delivery.destination.startsWith('other') ? ['mx.other.example'] : hosts))
        return ROOM_IS_FULL;
      running += 1;
      it.most = Math.max(it.most, running);
      return new Promise((resolve) =>
        room().clock.after(500, () => {
          running -= 1;
          it.took += 1;
          resolve(Outcome.delivered());
        }),
      );
    },
  };
  return it;
}

test('many domains of one provider share its connections, from their first mail on', async () => {
  const here = provider(() => room);
  const room: Room = openRoom({ settings: { laneConcurrency: 4 }, transports: [{ answer: here.answer }] });
  for (let domain = 0; domain < 30; domain++)
    for (let each = 0; each < 3; each++) await room.send({ to: [`u${each}@d${domain}.example`] });
  await room.clock.advance(1000);
  const lane = { transport: 'deliver-test', destination: 'd29.example' };
  assert.deepEqual(room.scheduler.laneReport(lane), {
    running: 0,
    allowed: 4,
    sharedBy: 30,
    wait: { kind: 'concurrency' },
  });
  await room.clock.advance(30_000);
  assert.deepEqual([here.most, here.took], [4, 90]);
  assert.deepEqual(await room.items(), []);
});

test('what found no room was no attempt', async () => {
  const here = provider(() => room);
  const room: Room = openRoom({ settings: { laneConcurrency: 1 }, transports: [{ answer: here.answer }] });
  for (let domain = 0; domain < 5; domain++) await room.send({ to: [`u@d${domain}.example`] });
  await room.settle();
  assert.equal(room.scheduler.running, 1);
  assert.deepEqual(
    (await room.items()).map(({ attempts, reason }) => [attempts, reason.kind]),
    Array(5).fill([0, 'fresh']),
  );
  await room.clock.advance(10_000);
  assert.ok(
    room.events('attempt-finished').every(({ attempt, outcome }) => attempt === 1 && outcome === 'delivered'),
  );
  assert.equal(here.took, 5);
});

test('domains with hosts of their own are not held up', async () => {
  const here = provider(() => room);
  const room: Room = openRoom({ settings: { laneConcurrency: 1 }, transports: [{ answer: here.answer }] });
  for (let domain = 0; domain < 5; domain++) await room.send({ to: [`u@d${domain}.example`] });
  await room.send({ to: ['u@other.example'] });
  await room.settle();
  assert.equal(room.scheduler.running, 2);
});

test('a row with mx bounds all destinations behind these hosts together', async () => {
  const room = openRoom({
    settings: { destinations: [{ mx: ['.protection.example'], rate: 2 }] },
    transports: [
      {
        answer: (delivery) =>
          delivery.through([`${delivery.destination}.mail.protection.example`])
            ? Outcome.delivered()
            : ROOM_IS_FULL,
      },
    ],
  });
  for (let domain = 0; domain < 40; domain++) await room.send({ to: [`u@d${domain}.example`] });
  await room.settle();
  const count = (): number => room.events('attempt-finished').length;
  assert.equal(count(), 2);
  await room.clock.advance(5000);
  assert.ok(Math.abs(count() - 12) <= 1, `${count()} in five seconds`);
  await room.clock.advance(MINUTE);
  assert.equal(count(), 40);
});

test('a row with mx bounds the messages of a connection too, and the fewer count', async () => {
  const told: Record<string, number | undefined> = {};
  const room = openRoom({
    settings: {
      destinations: [
        { mx: ['.protection.example'], messagesPerConnection: 9 },
        { match: ['a.example'], messagesPerConnection: 4 },
        { match: ['b.example'], messagesPerConnection: 40 },
      ],
    },
    transports: [
      {
        answer(delivery) {
          const { destination } = delivery;
          delivery.through([destination === 'd.example' ? 'mx.d.example' : 'mx.protection.example']);
          told[destination] = delivery.messagesPerConnection;
          return Outcome.delivered();
        },
      },
    ],
  });
  await room.send({ to: ['u@a.example', 'u@b.example', 'u@c.example', 'u@d.example'] });
  await room.settle();
  assert.deepEqual(told, { 'a.example': 4, 'b.example': 9, 'c.example': 9, 'd.example': undefined });
});

test('once it has named its hosts a transport knows how many connections there may be to them', async () => {
  const told: unknown[] = [];
  const room = openRoom({
    settings: { laneConcurrency: 3, destinations: [{ mx: ['.protection.example'], connections: 2 }] },
    transports: [
      {
        answer(delivery) {
          told.push(delivery.shared);
          delivery.through([delivery.destination === 'a.example' ? 'mx.protection.example' : 'mx.b.example']);
          told.push(delivery.shared?.connections);
          return Outcome.delivered();
        },
      },
    ],
  });
  await room.send({ to: ['u@a.example'] });
  await room.settle();
  await room.send({ to: ['u@b.example'] });
  await room.settle();
  assert.deepEqual(told, [undefined, 2, undefined, 3]);
});

test('the limits of one domain are not those of its neighbours on the same hosts', async () => {
  const room = openRoom({
    settings: { destinations: [{ match: ['slow.example'], rate: 1 }] },
    transports: [
      {
        answer: (delivery) =>
          delivery.through(['mx.provider.example']) ? Outcome.delivered() : ROOM_IS_FULL,
      },
    ],
  });
  // It is the first that finds its hosts.
  for (let each = 0; each < 5; each++) await room.send({ to: [`u${each}@slow.example`] });
  await room.settle();
  for (let domain = 0; domain < 20; domain++) await room.send({ to: [`u@d${domain}.example`] });
  await room.settle();
  assert.equal(room.events('attempt-finished').length, 21);
});

test('when the hosts are dead, one domain finds out for all, and one attempt goes ahead after the rest', async () => {
  let up = false;
  const room = openRoom({
    transports: [
      {
        answer: (delivery) => {
          if (!delivery.through(HOSTS)) return ROOM_IS_FULL;
          return up
            ? Outcome.delivered()
            : Outcome.deferred('4.4.1', 'connection refused', { scope: 'destination' });
        },
      },
    ],
  });
  for (let domain = 0; domain < 50; domain++) await room.send({ to: [`u@d${domain}.example`] });
  await room.clock.advance(20_000);
  const attempts = (): number => room.events('attempt-finished').length;
  assert.equal(attempts(), 1);
  await room.clock.advance(20_000);
  assert.equal(attempts(), 2);
  up = true;
  await room.clock.advance(5 * MINUTE);
  assert.deepEqual(await room.items(), []);
});

test('trouble before a host is asked is the domain’s own', async () => {
  let dns = true;
  const room = openRoom({
    transports: [
      {
        answer: (delivery) => {
          if (!dns && delivery.destination === 'd0.example')
            return Outcome.deferred('4.4.3', 'DNS gives no answer', { scope: 'destination' });
          return delivery.through(HOSTS) ? Outcome.delivered() : ROOM_IS_FULL;
        },
      },
    ],
  });
  for (let domain = 0; domain < 3; domain++) await room.send({ to: [`u@d${domain}.example`] });
  await room.clock.advance(1000);
  dns = false;
  for (let domain = 0; domain < 3; domain++) await room.send({ to: [`v@d${domain}.example`] });
  await room.clock.advance(5000);
  assert.deepEqual(
    (await room.items()).map(({ destination }) => destination),
    ['d0.example'],
  );
});

test('an item that is dropped while its attempt is put off is gone', async () => {
  const here = provider(() => room);
  const room: Room = openRoom({ settings: { laneConcurrency: 1 }, transports: [{ answer: here.answer }] });
  for (let domain = 0; domain < 4; domain++) await room.send({ to: [`u@d${domain}.example`] });
  await room.settle();
  await room.control.act({}, { do: 'drop' });
  await room.clock.advance(MINUTE);
  assert.deepEqual(await room.items(), []);
  assert.equal(here.took, 1);
});
