import assert from 'node:assert/strict';
import test from 'node:test';
import { type Delivery, Outcome, type Recipient } from '../../src/contract/index.ts';
import { Mailbox } from '../../src/smtp/index.ts';
import { MINUTE, openRoom, type ScriptedTransport } from './room.ts';

const first = ({ recipients }: Delivery): Recipient => recipients[0] as Recipient;

/** Runs one delivery to two recipients and tells what the queue and the events say of it. */
async function outcomeOf(
  answer: (delivery: Delivery) => unknown,
  transport: Partial<ScriptedTransport> = {},
) {
  const room = openRoom({ transports: [{ ...transport, answer: answer as ScriptedTransport['answer'] }] });
  await room.send({ to: ['one@a.example', 'two@a.example'] });
  await room.settle();
  const [item] = await room.items();
  return {
    room,
    waiting: item?.recipients.map(({ address }) => address) ?? [],
    status: item?.reason.kind === 'deferred' ? item.reason.status : undefined,
    problems: room
      .events('handler-failed')
      .map(({ problem, plugin, hook }) => `${plugin} ${hook} ${problem}`),
  };
}

const BOTH = ['one@a.example', 'two@a.example'];

const failing: readonly (readonly [
  name: string,
  answer: (delivery: Delivery) => unknown,
  problem: string,
])[] = [
  [
    'a throw',
    () => {
      throw new Error('bug');
    },
    'threw',
  ],
  [
    'a rejection',
    async () => {
      throw new Error('bug');
    },
    'threw',
  ],
  ['a thenable that throws', () => Object.fromEntries([['then', () => assert.fail('bug')]]), 'threw'],
  ['nothing', () => undefined, 'illegal-answer'],
  ['a promise of nothing', async () => undefined, 'illegal-answer'],
  ['a text', () => 'delivered', 'illegal-answer'],
  ['an unknown kind', () => ({ kind: 'done' }), 'illegal-answer'],
  [
    'failed with a transient status',
    () => ({ kind: 'failed', status: '4.1.1', text: 'x' }),
    'illegal-answer',
  ],
  [
    'deferred with a permanent status',
    () => ({ kind: 'deferred', status: '5.1.1', text: 'x' }),
    'illegal-answer',
  ],
  [
    'deferred until never',
    () => ({ kind: 'deferred', status: '4.1.1', text: 'x', retryAfter: Number.NaN }),
    'illegal-answer',
  ],
  [
    'a remote without a reply',
    () => ({ kind: 'failed', status: '5.1.1', text: 'x', remote: { host: 'h' } }),
    'illegal-answer',
  ],
  ['a redirection to nobody', () => ({ kind: 'redirected', to: [] }), 'illegal-answer'],
  [
    'a redirection with a sender that is a text',
    () => ({ kind: 'redirected', to: [new Mailbox('joe', 'b.example')], sender: 'x@y.example' }),
    'illegal-answer',
  ],
  ['a redirection to a text', () => ({ kind: 'redirected', to: ['joe@b.example'] }), 'illegal-answer'],
];

for (const [name, answer, problem] of failing) {
  test(`${name} defers everybody with 4.3.0 and is told`, async () => {
    const { waiting, status, problems } = await outcomeOf(answer);
    assert.deepEqual(
      { waiting, status, problems },
      { waiting: BOTH, status: '4.3.0', problems: [`deliver-test on-deliver ${problem}`] },
    );
  });
}

test('what was settled before a throw is not tried again', async () => {
  const { waiting, status } = await outcomeOf(async (delivery) => {
    await delivery.settle(first(delivery), Outcome.delivered());
    throw new Error('bug');
  });
  assert.deepEqual([waiting, status], [['two@a.example'], '4.3.0']);
});

test('what was settled is durable when settle resolves, for one recipient as for many', async () => {
  const seen: unknown[] = [];
  const room = openRoom({
    transports: [
      {
        async answer(delivery) {
          await delivery.settle(first(delivery), Outcome.delivered());
          seen.push((await room.items())[0]?.recipients.map(({ settled }) => settled?.kind));
          return Outcome.delivered();
        },
      },
    ],
  });
  await room.send();
  await room.settle();
  await room.send({ to: BOTH });
  await room.settle();
  assert.deepEqual(seen, [['delivered'], ['delivered', undefined]]);
  assert.deepEqual(await room.items(), []);
});

test('outcomes settled before a crash are acted upon after the restart, without asking the transport about them', async () => {
  const room = openRoom({
    transports: [
      {
        answer: ({ destination }) =>
          destination === 'a.example' ? Outcome.deferred('4.2.2', 'full') : Outcome.delivered(),
      },
    ],
  });
  await room.send({
    fresh: false,
    item: {
      recipients: [
        { address: 'one@a.example', settled: Outcome.delivered() },
        { address: 'two@a.example', settled: Outcome.failed('5.1.1', 'no such user') },
        // As a store that writes JSON gives it back.
        {
          address: 'three@a.example',
          settled: JSON.parse(
            '{"kind":"redirected","to":["x@b.example"],"sender":"srs@s.example"}',
          ) as Outcome,
        },
        { address: 'four@a.example' },
      ],
    },
  });
  await room.clock.advance(1000);
  assert.deepEqual(room.deliveries, [
    'deliver-test:a.example four@a.example #1',
    'deliver-test:b.example x@b.example #1',
    'deliver-test:sender.example ann@sender.example #1',
  ]);
  assert.deepEqual((await room.items())[0]?.recipients, [{ address: 'four@a.example' }]);
});

test('an item of which everybody is settled needs no transport', async () => {
  const room = openRoom({ transports: [{ answer: () => Outcome.delivered() }] });
  await room.send({
    fresh: false,
    item: { recipients: [{ address: 'one@a.example', settled: Outcome.delivered() }] },
  });
  await room.clock.advance(1000);
  assert.deepEqual(room.deliveries, []);
  assert.deepEqual(await room.items(), []);
});

test('settling everybody needs no return value', async () => {
  const { waiting, problems } = await outcomeOf(async (delivery) => {
    for (const recipient of delivery.recipients) await delivery.settle(recipient, Outcome.delivered());
  });
  assert.deepEqual([waiting, problems], [[], []]);
});

test('settling a stranger or with nonsense rejects, and defers whoever has no outcome', async () => {
  for (const settle of [
    (delivery: Delivery) => delivery.settle({ ...first(delivery) }, Outcome.delivered()),
    (delivery: Delivery) =>
      delivery.settle(first(delivery), { kind: 'failed', status: '4.0.0', text: 'x' } as unknown as Outcome),
  ]) {
    let rejected = false;
    const { waiting, status, problems } = await outcomeOf(async (delivery) => {
      await settle(delivery).catch(() => {
        rejected = true;
      });
      return Outcome.delivered();
    });
    assert.deepEqual([rejected, waiting, status], [true, BOTH, '4.3.0']);
    assert.deepEqual(problems, ['deliver-test on-deliver illegal-answer']);
  }
});

test('a delivery that takes too long is aborted and deferred, and what it answers later is not heard', async () => {
  let aborted = false;
  let answer: (outcome: Outcome) => void = () => {};
  let late: Promise<void> | undefined;
  const { room, problems } = await outcomeOf(
    (delivery) => {
      delivery.signal.addEventListener('abort', () => {
        aborted = true;
        late = delivery.settle(first(delivery), Outcome.delivered());
        late.catch(() => {});
      });
      return new Promise<Outcome>((resolve) => {
        answer = resolve;
      });
    },
    { timeout: 5 * MINUTE },
  );
  assert.deepEqual(problems, []);
  await room.clock.advance(5 * MINUTE - 1);
  assert.equal(aborted, false);
  await room.clock.advance(1);
  assert.equal(aborted, true);
  await assert.rejects(late as Promise<void>, /after the attempt was over/);
  answer(Outcome.delivered());
  await room.settle();
  const [item] = await room.items();
  assert.deepEqual([item?.recipients.length, room.events('handler-failed')[0]?.problem], [2, 'timed-out']);
});

test('the settings bound a delivery whose handler does not', async () => {
  const { room } = await outcomeOf(() => new Promise(() => {}));
  await room.clock.advance(31 * MINUTE);
  assert.equal(room.events('handler-failed')[0]?.error, `no outcome within ${30 * MINUTE} ms`);
});

test('settle can be taken out of the delivery', async () => {
  const { waiting, problems } = await outcomeOf(async ({ recipients, settle }) => {
    for (const recipient of recipients) await settle(recipient, Outcome.delivered());
  });
  assert.deepEqual([waiting, problems], [[], []]);
});
