import assert from 'node:assert/strict';
import test from 'node:test';
import { Outcome, type QueueEntry, type QueueItem } from '../../src/contract/index.ts';
import { AGE_BOUNDS, type QueueSummary, summaryOf } from '../../src/delivery/queue-summary.ts';
import { openRoom } from './room.ts';

const MINUTE = 60_000;
const NOW = 100_000 * MINUTE;

function entry(minutes: number, given: Partial<QueueItem> = {}): QueueEntry {
  const item: QueueItem = {
    id: 'I1',
    message: 'M1',
    transport: 'deliver-smtp',
    destination: 'a.example',
    recipients: [{ address: 'joe@a.example' }],
    state: 'waiting',
    reason: { kind: 'fresh' },
    attempts: 0,
    due: NOW,
    expires: NOW + MINUTE,
    ...given,
  };
  const origin = { session: 'S1', listener: 'mx', remoteAddress: '192.0.2.1' };
  const arrivedAt = NOW - minutes * MINUTE;
  const message = { id: 'M1', sender: '', arrivedAt, size: 1, head: '', parameters: {}, origin, notes: {} };
  return { item, message };
}

function deferred(at: number, text: string): Pick<QueueItem, 'reason'> {
  return { reason: { kind: 'deferred', status: '4.4.1', text, at } };
}

const held = { state: 'held' } as const;
const elsewhere = { destination: 'b.example' };

const TABLE: readonly [
  name: string,
  entries: readonly QueueEntry[],
  seen: (summary: QueueSummary) => unknown,
  expected: unknown,
][] = [
  [
    'an empty queue has no destinations',
    [],
    (s) => [s.total.waiting, s.destinations, s.rest],
    [0, [], undefined],
  ],
  [
    'waiting and held are counted apart',
    [entry(1), entry(2), entry(3, held)],
    ({ total }) => [total.waiting, total.held],
    [2, 1],
  ],
  [
    'each bucket begins where the one before it ends',
    [0, 4.9, 5, 19, 20, 1279, 1280, 99_999].map((age) => entry(age)),
    ({ total }) => total.ages,
    [2, 1, 1, 1, 0, 0, 0, 0, 1, 2],
  ],
  ['a message from the future is young', [entry(-5)], ({ total }) => total.ages[0], 1],
  [
    'the oldest counts, held or not',
    [entry(3), entry(9, held)],
    ({ total }) => total.oldest,
    NOW - 9 * MINUTE,
  ],
  [
    'the next attempt is the first of those that wait',
    [entry(1, { due: NOW + 9 }), entry(1, { due: NOW + 7 }), entry(1, { ...held, due: NOW })],
    ({ total }) => total.nextAttempt,
    NOW + 7,
  ],
  ['held items have no next attempt', [entry(1, held)], ({ total }) => total.nextAttempt, undefined],
  [
    'the last reply is the latest, in whatever order they come',
    [entry(1, deferred(5, 'old')), entry(1, deferred(9, 'new')), entry(1, deferred(7, 'older')), entry(1)],
    ({ destinations }) => destinations.map(({ lastReply }) => lastReply),
    [{ status: '4.4.1', text: 'new', at: 9 }],
  ],
  [
    'a long reply is cut',
    [entry(1, deferred(1, 'x'.repeat(5000)))],
    ({ destinations }) => destinations[0]?.lastReply?.text.length,
    200,
  ],
  [
    'transport and next hop make a destination; the fullest comes first',
    [entry(1, { transport: null, destination: '' }), entry(1, elsewhere), entry(1, elsewhere)],
    ({ destinations }) => destinations.map((one) => [one.transport, one.destination, one.waiting]),
    [
      ['deliver-smtp', 'b.example', 2],
      [null, '', 1],
    ],
  ],
  [
    'past the most destinations the rest is summed, and those known go on counting',
    [entry(1), entry(2, elsewhere), ...['c', 'd'].map((destination) => entry(30, { destination })), entry(3)],
    ({ destinations, rest, total }) => [
      destinations.map(({ destination, waiting }) => [destination, waiting]),
      [rest?.waiting, rest?.ages[3], rest?.oldest],
      total.waiting,
    ],
    [
      [
        ['a.example', 2],
        ['b.example', 1],
      ],
      [2, 2, NOW - 30 * MINUTE],
      5,
    ],
  ],
];

for (const [name, entries, seen, expected] of TABLE) {
  test(`summary: ${name}`, () => {
    const summary = summaryOf(entries, NOW, 2);
    assert.deepEqual(seen(summary), expected);
    for (const figures of [summary.total, ...summary.destinations])
      assert.equal(figures.ages.length, AGE_BOUNDS.length + 1);
  });
}

test('summary: the walk goes past the first page, and takes a filter', async () => {
  const room = openRoom({ started: false, transports: [{ answer: () => Outcome.delivered() }] });
  for (let count = 0; count < 501; count += 1) await room.send();
  await room.send({ to: ['joe@b.example'] });
  assert.equal((await room.control.summary({})).total.waiting, 502);
  assert.equal((await room.control.summary({ destination: 'b.example' })).total.waiting, 1);
});
