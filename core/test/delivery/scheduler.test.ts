// From the commit to the end of an item: deliveries, retries and routes, on the fake clock.

import assert from 'node:assert/strict';
import test from 'node:test';
import { type Delivery, Outcome } from '../../src/contract/index.ts';
import { MINUTE, openRoom } from './room.ts';

const delivered = () => Outcome.delivered();

/** Answers in turn; the last answer goes on. */
function inTurn(...answers: readonly (() => Outcome)[]): () => Outcome {
  let turn = 0;
  return () => (answers[Math.min(turn++, answers.length - 1)] as () => Outcome)();
}

test('a fresh message is delivered from memory at once, and leaves the queue', async () => {
  let content = '';
  let inMemory = false;
  const room = openRoom({
    transports: [
      {
        answer({ message }) {
          inMemory = message.inMemory !== undefined;
          content = Buffer.concat([...(message.inMemory ?? [])]).toString();
          return Outcome.delivered();
        },
      },
    ],
  });
  await room.send();
  assert.deepEqual(room.deliveries, [], 'not in the turn of the commit');
  await room.settle();
  assert.deepEqual(room.deliveries, ['deliver-test:a.example joe@a.example #1']);
  assert.equal(content, 'Received: from client.example\r\nSubject: test\r\n\r\nHello\r\n');
  assert.equal(inMemory, true);
  assert.deepEqual(await room.items(), []);
});

test('a message left in the store is taken, and read from there', async () => {
  let content = '';
  const room = openRoom({
    transports: [
      {
        async answer({ message }) {
          assert.equal(message.inMemory, undefined);
          for await (const bytes of message.open()) content += Buffer.from(bytes).toString();
          return Outcome.delivered();
        },
      },
    ],
  });
  await room.send({ fresh: false });
  await room.clock.advance(0);
  await room.settle();
  assert.equal(content, 'Received: from client.example\r\nSubject: test\r\n\r\nHello\r\n');
  assert.deepEqual(await room.items(), []);
});

test('recipients of one destination travel together, and each destination goes its own way', async () => {
  const room = openRoom({ transports: [{ answer: delivered }] });
  await room.send({ to: ['one@a.example', 'two@b.example', 'three@a.example'] });
  await room.settle();
  assert.deepEqual(room.deliveries, [
    'deliver-test:a.example one@a.example,three@a.example #1',
    'deliver-test:b.example two@b.example #1',
  ]);
});

test('a deferred item is tried again by the schedule, and then delivered', async () => {
  const at: number[] = [];
  const answer = inTurn(
    () => Outcome.deferred('4.2.2', 'full'),
    () => Outcome.deferred('4.2.2', 'full'),
    delivered,
  );
  const room = openRoom({
    transports: [
      {
        answer: () => {
          at.push(room.clock.now());
          return answer();
        },
      },
    ],
  });
  const began = room.clock.now();
  await room.send();
  await room.settle();
  const [item] = await room.items();
  assert.deepEqual([item?.attempts, item?.due, item?.reason.kind], [1, began + MINUTE, 'deferred']);
  await room.clock.advance(10 * MINUTE);
  assert.deepEqual(
    at.map((time) => (time - began) / MINUTE),
    [0, 1, 6],
  );
  assert.deepEqual(
    room.deliveries.map((each) => each.slice(-2)),
    ['#1', '#2', '#3'],
  );
  assert.deepEqual(await room.items(), []);
});

test('only those who were deferred are tried again', async () => {
  let attempts = 0;
  const room = openRoom({
    transports: [
      {
        async answer(delivery) {
          attempts += 1;
          if (attempts > 1) return Outcome.delivered();
          await delivery.settle(delivery.recipients[0] as Delivery['recipients'][0], Outcome.delivered());
          return Outcome.deferred('4.2.2', 'full');
        },
      },
    ],
  });
  await room.send({ to: ['one@a.example', 'two@a.example'] });
  await room.clock.advance(2 * MINUTE);
  assert.deepEqual(room.deliveries, [
    'deliver-test:a.example one@a.example,two@a.example #1',
    'deliver-test:a.example two@a.example #2',
  ]);
});

test('a recipient that no plugin claims waits without a route, and goes when one claims it', async () => {
  let known = false;
  const room = openRoom({ transports: [{ claim: () => (known ? 'there' : undefined), answer: delivered }] });
  await room.send();
  await room.clock.advance(0);
  const [item] = await room.items();
  assert.deepEqual([item?.transport, item?.reason.kind, item?.attempts], [null, 'no-route', 1]);
  assert.equal(room.events('recipient-settled')[0]?.outcome.kind, 'deferred');
  known = true;
  await room.clock.advance(2 * MINUTE);
  assert.deepEqual(room.deliveries, ['deliver-test:there joe@a.example #2']);
});

test('an item whose plugin has left the configuration is claimed anew', async () => {
  const room = openRoom({ transports: [{ answer: delivered }] });
  await room.send({
    to: ['one@a.example', 'two@a.example'],
    fresh: false,
    item: { transport: 'deliver-gone', destination: 'x' },
  });
  await room.clock.advance(1000);
  assert.deepEqual(room.deliveries, ['deliver-test:a.example one@a.example,two@a.example #1']);
});

test('a recipient that was refused after the acceptance is bounced without an attempt', async () => {
  const room = openRoom({ transports: [{ answer: delivered }] });
  const reason = { kind: 'refused', plugin: 'check-virus', status: '5.7.1', text: 'a virus' } as const;
  await room.send({ item: { transport: null, destination: '', reason } });
  await room.clock.advance(1000);
  assert.deepEqual(room.deliveries, ['deliver-test:sender.example ann@sender.example #1']);
});

test('an item that cannot be read waits and stops nobody', async () => {
  const room = openRoom({ transports: [{ answer: delivered }] });
  await room.send({ item: { recipients: [{ address: 'no address at all' }] } });
  await room.send({ item: { recipients: [{ address: 'no address' }], transport: 'deliver-gone' } });
  await room.send({ to: ['joe@b.example'] });
  await room.clock.advance(1000);
  assert.deepEqual(room.deliveries, ['deliver-test:b.example joe@b.example #1']);
  assert.deepEqual(
    (await room.items()).map(({ reason }) => reason.kind),
    ['deferred', 'deferred'],
  );
});

test('every attempt is announced, from its start to what came of each recipient', async () => {
  const room = openRoom({ transports: [{ answer: () => Outcome.deferred('4.2.2', 'full') }] });
  const [item] = await room.send();
  await room.settle();
  const id = item?.id ?? '';
  const common = {
    item: id,
    message: item?.message,
    destination: 'a.example',
    transport: 'deliver-test',
    attempt: 1,
  };
  assert.deepEqual(room.events('attempt-started'), [common]);
  assert.deepEqual(room.events('attempt-finished'), [
    { ...common, milliseconds: 0, outcome: 'deferred', next: room.clock.now() + MINUTE },
  ]);
  assert.equal(room.events('recipient-settled')[0]?.recipient, 'joe@a.example');
});
