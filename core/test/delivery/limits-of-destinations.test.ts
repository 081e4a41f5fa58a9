// Limits by destination, as the whole delivery room keeps them on the fake clock.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Outcome } from '../../src/contract/index.ts';
import { gate, MINUTE, openRoom } from './room.ts';

const refused = (): Outcome => Outcome.deferred('4.4.1', 'connection refused', { scope: 'destination' });

test('a rate holds back its destination and no other, and is kept over minutes', async () => {
  const room = openRoom({
    settings: { destinations: [{ match: ['slow.example'], rate: 2 }] },
    transports: [{ answer: () => Outcome.delivered() }],
  });
  for (let each = 0; each < 200; each++) await room.send({ to: [`u${each}@slow.example`] });
  for (let each = 0; each < 50; each++) await room.send({ to: [`u${each}@other.example`] });
  await room.settle();
  const slow = (): number => room.deliveries.filter((each) => each.includes(':slow.example ')).length;
  assert.deepEqual([slow(), room.deliveries.length - slow()], [2, 50]);
  assert.deepEqual(
    room.scheduler.laneReport({ transport: 'deliver-test', destination: 'slow.example' })?.wait,
    {
      kind: 'rate',
      until: room.clock.now() + 500,
    },
  );
  await room.clock.advance(10_000);
  assert.ok(Math.abs(slow() - 22) <= 1, `${slow()} after ten seconds`);
  await room.clock.advance(2 * MINUTE);
  assert.equal(slow(), 200);
  assert.deepEqual(await room.items(), []);
});

test('the connections of a row bound what runs at a time, over the plugin’s own number', async () => {
  const slow = gate<Outcome>();
  const room = openRoom({
    settings: { destinations: [{ match: ['.example'], connections: 3 }] },
    transports: [{ laneConcurrency: 50, answer: () => slow.promise }],
  });
  for (let each = 0; each < 20; each++) await room.send({ to: [`u${each}@a.example`] });
  await room.settle();
  assert.equal(room.scheduler.running, 3);
  const { destinations } = await room.control.summary({});
  assert.deepEqual(destinations[0]?.lane, { running: 3, allowed: 3, wait: { kind: 'concurrency' } });
});

test('a transport is told how many messages one connection may carry', async () => {
  const told: (number | undefined)[] = [];
  const room = openRoom({
    settings: { destinations: [{ match: ['a.example'], messagesPerConnection: 7 }] },
    transports: [
      {
        answer: ({ messagesPerConnection }) => {
          told.push(messagesPerConnection);
          return Outcome.delivered();
        },
      },
    ],
  });
  await room.send({ to: ['u@a.example', 'u@b.example'] });
  await room.settle();
  assert.deepEqual(told, [7, undefined]);
});

test('the end of a destination and its return are told, and why it waits meanwhile', async () => {
  let up = false;
  const room = openRoom({ transports: [{ answer: () => (up ? Outcome.delivered() : refused()) }] });
  await room.send({ to: ['u@a.example'] });
  await room.settle();
  const now = room.clock.now();
  const lane = { transport: 'deliver-test', destination: 'a.example' };
  assert.deepEqual(room.events('destination-rested'), [{ ...lane, failures: 1, until: now + 30_000 }]);
  const { destinations } = await room.control.summary({});
  assert.deepEqual(destinations[0]?.lane, {
    running: 0,
    allowed: 1,
    wait: { kind: 'back-off', until: now + 30_000, failures: 1 },
  });
  up = true;
  await room.clock.advance(2 * MINUTE);
  assert.deepEqual(room.events('destination-recovered'), [{ ...lane, failures: 1 }]);
  assert.equal(room.events('destination-rested').length, 1);
});

for (const [what, sent] of [
  ['its sender wants to go later', { parameters: { holdFor: 600 } }],
  [
    'was refused after the acceptance',
    { item: { reason: { kind: 'refused', plugin: 'check-virus', status: '5.7.1', text: 'a virus' } } },
  ],
] as const) {
  test(`a message that ${what} says nothing of its destination: nobody was asked`, async () => {
    const room = openRoom({
      settings: { laneRest: MINUTE },
      transports: [
        { answer: ({ destination }) => (destination === 'a.example' ? refused() : Outcome.delivered()) },
      ],
    });
    await room.send({ to: ['u@a.example'] });
    await room.settle();
    const lane = { transport: 'deliver-test', destination: 'a.example' };
    const until = room.clock.now() + MINUTE;
    assert.deepEqual(room.scheduler.laneReport(lane)?.wait, { kind: 'back-off', until, failures: 1 });
    room.scheduler.wakeLane(lane);
    await room.send({ to: ['v@a.example'], ...sent });
    await room.settle();
    assert.equal(room.deliveries.filter((each) => each.includes(':a.example ')).length, 1);
    assert.deepEqual(room.events('destination-recovered'), []);
    assert.deepEqual(room.scheduler.laneReport(lane), { running: 0, allowed: 1 });
    // The one that goes ahead then finds out, and the rest is the second one.
    await room.send({ to: ['w@a.example'] });
    await room.settle();
    assert.deepEqual(
      room.events('destination-rested').map(({ failures }) => failures),
      [1, 2],
    );
  });
}

test('a mailbox that does not exist is no failure of its host', async () => {
  const room = openRoom({ transports: [{ answer: () => Outcome.failed('5.1.1', 'no such user') }] });
  for (let each = 0; each < 30; each++) await room.send({ to: [`u${each}@a.example`], sender: '' });
  await room.settle();
  assert.equal(room.deliveries.length, 30);
  assert.deepEqual(room.events('destination-rested'), []);
  const report = room.scheduler.laneReport({ transport: 'deliver-test', destination: 'a.example' });
  assert.deepEqual(report, { running: 0, allowed: 20 });
});

test('a host that refuses some connections gets fewer at a time, and its mail', async () => {
  let running = 0;
  let most = 0;
  const room = openRoom({
    settings: { laneConcurrency: 20, retryAfter: [1000] },
    transports: [
      {
        answer: () => {
          // Eight connections are all that it takes.
          if (running >= 8) return refused();
          running += 1;
          most = Math.max(most, running);
          return new Promise((resolve) =>
            room.clock.after(100, () => {
              running -= 1;
              resolve(Outcome.delivered());
            }),
          );
        },
      },
    ],
  });
  for (let each = 0; each < 300; each++) await room.send({ to: [`u${each}@a.example`], fresh: false });
  await room.clock.advance(15_000);
  assert.deepEqual(await room.items(), []);
  assert.equal(most, 8);
  assert.deepEqual(room.events('destination-rested'), [], 'it never counts as dead');
});

test('a host that says this is too much mail gets less of it at a time, though it answers', async () => {
  const tooMuch = { ...Outcome.deferred('4.7.1', 'Error: too much mail'), class: 'rate' as const };
  let running = 0;
  let most = 0;
  let refusals = 0;
  const room = openRoom({
    settings: { laneConcurrency: 20, retryAfter: [1000] },
    transports: [
      {
        answer: () => {
          running += 1;
          most = Math.max(most, running);
          const outcome = running > 4 ? tooMuch : Outcome.delivered();
          if (outcome === tooMuch) refusals += 1;
          return new Promise((resolve) =>
            room.clock.after(100, () => {
              running -= 1;
              resolve(outcome);
            }),
          );
        },
      },
    ],
  });
  for (let each = 0; each < 200; each++) await room.send({ to: [`u${each}@a.example`], fresh: false });
  await room.clock.advance(20_000);
  assert.deepEqual(await room.items(), []);
  assert.ok(most < 10, `${most} at a time, of 20 that are allowed`);
  assert.ok(refusals < 100, `${refusals} refusals for 200 messages`);
  assert.deepEqual(room.events('destination-rested'), []);
});
