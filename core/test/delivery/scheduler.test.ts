import assert from 'node:assert/strict';
import test from 'node:test';
import { type Delivery, Outcome, type QueueChange, type QueueStore } from '../../src/contract/index.ts';
import { mailbox } from '../../src/smtp/index.ts';
import { parseReport } from './report-parser.ts';
import { gate, HOUR, MINUTE, openRoom } from './room.ts';

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

test('an item that is still deferred when its time is up is bounced to its sender', async () => {
  const bounces: string[] = [];
  const room = openRoom({
    settings: { expireAfter: 2 * HOUR },
    transports: [
      {
        async answer({ destination, message }) {
          if (destination === 'a.example') return Outcome.deferred('4.2.2', 'mailbox full');
          for await (const bytes of message.open()) bounces.push(Buffer.from(bytes).toString());
          return Outcome.delivered();
        },
      },
    ],
  });
  await room.send({ parameters: { envid: 'E1' } });
  await room.clock.advance(2 * HOUR - 2000);
  assert.equal(bounces.length, 0);
  await room.clock.advance(4000);
  assert.equal(bounces.length, 1);
  const report = parseReport(Buffer.from(bounces[0] ?? ''));
  assert.equal(report.header.get('To'), '<ann@sender.example>');
  assert.equal(report.perMessage.get('Original-Envelope-Id'), 'E1');
  assert.equal(report.perRecipient[0]?.get('Status'), '5.4.7');
  assert.match(report.perRecipient[0]?.get('Diagnostic-Code') ?? '', /4\.2\.2 mailbox full/);
  assert.equal(report.returned.content, 'Received: from client.example\r\nSubject: test\r\n');
  assert.deepEqual(await room.items(), []);
  assert.equal(room.events('notice-queued')[0]?.to, 'ann@sender.example');
});

test('the bounce has the null sender and no parameters that it does not need', async () => {
  const seen: unknown[] = [];
  const room = openRoom({
    transports: [
      {
        answer({ destination, sender, message }) {
          if (destination === 'a.example') return Outcome.failed('5.1.1', 'no such user');
          seen.push({ sender, parameters: message.parameters, session: message.origin.session });
          return Outcome.delivered();
        },
      },
    ],
  });
  await room.send();
  await room.clock.advance(0);
  assert.deepEqual(seen, [{ sender: null, parameters: {}, session: 'bounce' }]);
});

test('a bounce and the end of the failed recipients are one change of the queue', async () => {
  const changes: QueueChange[] = [];
  const room = openRoom({
    store: (real) => watched(real, (change) => void changes.push(change)),
    transports: [
      {
        answer: ({ destination }) =>
          destination === 'a.example' ? Outcome.failed('5.1.1', 'no') : Outcome.deferred('4.2.2', 'full'),
      },
    ],
  });
  await room.send();
  await room.settle();
  assert.deepEqual([changes[0]?.put?.length, changes[0]?.remove?.length], [1, 1]);
});

test('a failing message with the null sender is never bounced', async () => {
  const room = openRoom({ transports: [{ answer: () => Outcome.failed('5.1.1', 'no such user') }] });
  await room.send({ sender: '' });
  await room.clock.advance(HOUR);
  assert.equal(room.deliveries.length, 1);
  assert.deepEqual(await room.items(), []);
  assert.deepEqual(
    room.events('notice-dropped').map(({ recipients, text }) => [recipients, text]),
    [[['joe@a.example'], '5.1.1 no such user']],
  );
});

test('a bounce that fails is not bounced', async () => {
  const room = openRoom({ transports: [{ answer: () => Outcome.failed('5.1.1', 'no such user') }] });
  await room.send();
  await room.clock.advance(HOUR);
  assert.equal(room.deliveries.length, 2);
  assert.equal(room.events('notice-queued').length, 1);
  assert.equal(room.events('notice-dropped').length, 1);
  assert.deepEqual(await room.items(), []);
});

test('NOTIFY=NEVER is honoured, for its recipient alone', async () => {
  const room = openRoom({
    transports: [
      {
        answer: ({ destination }) =>
          destination === 'a.example' ? Outcome.failed('5.1.1', 'no') : Outcome.delivered(),
      },
    ],
  });
  await room.send({ to: [{ address: 'quiet@a.example', parameters: { notify: ['NEVER'] } }] });
  await room.clock.advance(0);
  assert.equal(room.events('notice-queued').length, 0);
  await room.send({
    to: [
      { address: 'quiet@a.example', parameters: { notify: ['DELAY'] } },
      { address: 'loud@a.example', parameters: { notify: ['FAILURE', 'SUCCESS'] } },
    ],
  });
  await room.clock.advance(0);
  assert.deepEqual(
    room.events('notice-queued').map(({ recipients }) => recipients),
    [['loud@a.example']],
  );
});

test('RET=FULL brings the whole message back, but not a large one', async () => {
  const kinds: (string | undefined)[] = [];
  const room = openRoom({
    transports: [
      {
        async answer({ destination, message }) {
          if (destination === 'a.example') return Outcome.failed('5.1.1', 'no');
          const chunks: Uint8Array[] = [];
          for await (const bytes of message.open()) chunks.push(bytes);
          const { returned } = parseReport(Buffer.concat(chunks));
          kinds.push(returned.header.get('Content-Type'));
          if (kinds.length === 1) assert.match(returned.content, /^Received: .*Hello\r\n\r\n?$/s);
          return Outcome.delivered();
        },
      },
    ],
  });
  await room.send({ parameters: { ret: 'FULL' } });
  await room.clock.advance(0);
  await room.send({
    parameters: { ret: 'FULL' },
    body: `Subject: big\r\n\r\n${'x'.repeat(76)}\r\n`.repeat(3000),
  });
  await room.clock.advance(0);
  assert.deepEqual(kinds, ['message/rfc822', 'text/rfc822-headers']);
});

test('a redirection makes new items, claimed anew, in the change that ends the old one', async () => {
  const changes: QueueChange[] = [];
  const about: (readonly string[])[] = [];
  const room = openRoom({
    store: (real) => watched(real, (change) => void changes.push(change)),
    transports: [
      {
        name: 'route-aliases',
        claim: (recipient, { redirectedBy }) => {
          about.push(redirectedBy);
          return recipient.local === 'team' ? 'aliases' : undefined;
        },
        answer: () => Outcome.redirected([mailbox('one@a.example'), mailbox('two@b.example')]),
      },
      { answer: delivered },
    ],
  });
  await room.send({ to: ['team@a.example'] });
  await room.clock.advance(0);
  assert.deepEqual([changes[0]?.add?.length, changes[0]?.remove?.length], [2, 1]);
  assert.deepEqual(room.deliveries.slice(1), [
    'deliver-test:a.example one@a.example #1',
    'deliver-test:b.example two@b.example #1',
  ]);
  assert.deepEqual(about.at(-1), ['route-aliases']);
  assert.deepEqual(await room.items(), []);
});

test('aliases that lead to each other end in a bounce 5.4.6', async () => {
  const room = openRoom({
    transports: [
      {
        name: 'route-aliases',
        claim: ({ domain }) => (domain === 'a.example' ? 'aliases' : undefined),
        answer: ({ recipients }) =>
          Outcome.redirected([
            mailbox(recipients[0]?.address.local === 'ping' ? 'pong@a.example' : 'ping@a.example'),
          ]),
      },
      { answer: delivered },
    ],
  });
  await room.send({ to: ['ping@a.example'] });
  await room.clock.advance(1000);
  assert.equal(room.deliveries.filter((each) => each.startsWith('route-aliases')).length, 4);
  const settled = room.events('recipient-settled').filter(({ outcome }) => outcome.kind === 'redirected');
  assert.equal(settled.length, 4);
  assert.deepEqual(room.events('notice-queued').length, 1);
  assert.deepEqual(await room.items(), []);
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

/** The store, with a look at each change before it is committed. A throw refuses it. */
function watched(real: QueueStore, look: (change: QueueChange) => void): QueueStore {
  return new Proxy(real, {
    get(target, name) {
      if (name === 'commit') {
        return async (change: QueueChange) => {
          look(change);
          await target.commit(change);
        };
      }
      const value = Reflect.get(target, name) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
