// The scheduler and its store: refusals, leases, one commit for what ends together, and the stop.

import assert from 'node:assert/strict';
import test from 'node:test';
import { type Delivery, Outcome } from '../../src/contract/index.ts';
import { gate, HOUR, MINUTE, openRoom, watched } from './room.ts';

const delivered = () => Outcome.delivered();

test('a store that fails at the commit loses nothing: the outcome is written when it works again', async () => {
  let broken = true;
  const room = openRoom({
    store: (real) =>
      watched(real, () => {
        if (broken) throw new Error('disk full');
      }),
    transports: [{ answer: delivered }],
  });
  await room.send();
  await room.clock.advance(5 * MINUTE);
  assert.equal((await room.items()).length, 1);
  broken = false;
  await room.clock.advance(2 * MINUTE);
  assert.deepEqual(await room.items(), []);
  assert.equal(room.deliveries.length, 1, 'attempted once');
});

test('a bounce that cannot be drafted is tried again, without another attempt', async () => {
  let broken = true;
  const room = openRoom({
    store: (real) =>
      new Proxy(real, {
        get(target, name) {
          if (name === 'draft' && broken) {
            return () => {
              throw new Error('disk full');
            };
          }
          const value = Reflect.get(target, name) as unknown;
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
    transports: [
      {
        answer: ({ destination }) =>
          destination === 'a.example' ? Outcome.failed('5.1.1', 'no') : Outcome.delivered(),
      },
    ],
  });
  await room.send();
  await room.clock.advance(30_000);
  assert.equal((await room.items()).length, 1);
  broken = false;
  await room.clock.advance(MINUTE);
  assert.deepEqual(room.deliveries, [
    'deliver-test:a.example joe@a.example #1',
    'deliver-test:sender.example ann@sender.example #1',
  ]);
  assert.deepEqual(await room.items(), []);
});

test('outcomes of one turn are one commit', async () => {
  let commits = 0;
  const room = openRoom({
    store: (real) =>
      watched(real, () => {
        commits += 1;
      }),
    transports: [{ answer: delivered }],
  });
  for (let count = 0; count < 50; count++) await room.send({ to: [`joe@d${count}.example`] });
  await room.settle();
  assert.equal(room.deliveries.length, 50);
  assert.ok(commits <= 2, `${commits} commits`);
  assert.deepEqual(await room.items(), []);
});

test('leases are renewed for as long as the scheduler runs', async () => {
  const slow = gate<Outcome>();
  const room = openRoom({
    settings: { attemptTimeout: 24 * HOUR },
    transports: [{ answer: () => slow.promise }],
  });
  await room.send();
  await room.clock.advance(3 * HOUR);
  const others = await room.store.take({
    now: room.clock.now(),
    limit: 10,
    leaseUntil: room.clock.now() + 1,
    except: [],
  });
  assert.deepEqual(others, []);
  assert.equal(room.deliveries.length, 1);
});

test('stop waits for the running attempts, and gives the waiting items back', async () => {
  const slow = gate<Outcome>();
  const room = openRoom({ settings: { laneConcurrency: 1 }, transports: [{ answer: () => slow.promise }] });
  for (let count = 0; count < 3; count++) await room.send();
  await room.settle();
  let stopped = false;
  const stopping = room.scheduler.stop(room.clock.now() + MINUTE).then(() => {
    stopped = true;
  });
  await room.settle();
  assert.equal(stopped, false);
  slow.open(Outcome.delivered());
  await stopping;
  assert.equal(room.deliveries.length, 1);
  const free = await room.store.take({
    now: room.clock.now(),
    limit: 10,
    leaseUntil: room.clock.now() + 1,
    except: [],
  });
  assert.equal(free.length, 2);
});

test('at the deadline of stop the attempts are aborted, and keep what was settled', async () => {
  const signals: boolean[] = [];
  const room = openRoom({
    transports: [
      {
        async answer(delivery) {
          delivery.signal.addEventListener('abort', () => signals.push(true));
          await delivery.settle(delivery.recipients[0] as Delivery['recipients'][0], Outcome.delivered());
          return new Promise(() => {});
        },
      },
    ],
  });
  await room.send({ to: ['one@a.example', 'two@a.example'] });
  await room.settle();
  const stopping = room.scheduler.stop(room.clock.now() + MINUTE);
  await room.clock.advance(MINUTE);
  await stopping;
  assert.deepEqual(signals, [true]);
  const [free] = await room.store.take({
    now: room.clock.now(),
    limit: 10,
    leaseUntil: room.clock.now() + 1,
    except: [],
  });
  assert.deepEqual(
    free?.item.recipients.map(({ settled }) => settled?.kind),
    ['delivered', undefined],
  );
  assert.deepEqual([free?.item.attempts, free?.item.reason.kind], [0, 'fresh']);
});

test('after stop nothing is begun any more', async () => {
  const room = openRoom({ transports: [{ answer: delivered }] });
  await room.settle();
  await room.scheduler.stop(room.clock.now());
  await room.send();
  await room.clock.advance(HOUR);
  assert.deepEqual(room.deliveries, []);
});
