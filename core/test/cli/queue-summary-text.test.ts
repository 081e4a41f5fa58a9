import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summaryText } from '../../src/cli/queue-summary-text.ts';
import type { LaneReport, QueueFigures, QueueSummary } from '../../src/server/control.ts';

const HOUR = 3_600_000;
const few: QueueFigures = { waiting: 1, held: 0, ages: [1, 0, 0], oldest: 9 * HOUR, nextAttempt: 11 * HOUR };
const summary: QueueSummary = {
  ageBounds: [5, 10],
  total: { waiting: 5, held: 3, ages: [3, 0, 5], oldest: HOUR, nextAttempt: 9 * HOUR },
  destinations: [
    {
      transport: 'deliver-smtp',
      destination: 'a.example',
      waiting: 2,
      held: 3,
      ages: [0, 0, 5],
      oldest: HOUR,
      nextAttempt: 9 * HOUR,
      lane: { running: 0, allowed: 1, wait: { kind: 'back-off', until: 11 * HOUR, failures: 4 } },
      lastReply: { status: '4.4.1', text: 'no \u001b[31manswer', at: 8 * HOUR },
    },
    { transport: null, destination: '', ...few },
  ],
  rest: { ...few, waiting: 2, ages: [2, 0, 0] },
};

test('a summary is two tables, in which text from outside does no harm, and what is not shown is summed', () => {
  assert.equal(
    summaryText(summary, 10 * HOUR, 1),
    [
      'VIA                     WAITING  HELD  OLDEST  NEXT   LANE                            LAST REPLY',
      'total                   5        3     9h      now',
      'deliver-smtp a.example  2        3     9h      now    not reached 4×, next try in 1h  4.4.1 no \\u{1b}[31manswer (2h ago)',
      'all others              3        0     1h      in 1h',
      '',
      'ITEMS BY AGE (MINUTES)  ALL  <5  <10  10+',
      'total                   8    3   0    5',
      'deliver-smtp a.example  5    0   0    5',
      'all others              3    3   0    0',
      '',
    ].join('\n'),
  );
});

test('an empty queue is said to be empty', () => {
  const total = { waiting: 0, held: 0, ages: [0, 0, 0] };
  assert.equal(summaryText({ ageBounds: [5, 10], total, destinations: [] }, 0, 9), 'The queue is empty.\n');
});

test('what goes on at a destination and what holds it up is told in a few words', () => {
  const lines = (lane: LaneReport): string | undefined => {
    const one = { transport: 't', destination: 'd', ...few, lane };
    return summaryText({ ageBounds: [5, 10], total: few, destinations: [one] }, HOUR, 9).split('\n')[2];
  };
  const table: readonly (readonly [LaneReport, RegExp])[] = [
    [{ running: 2, allowed: 5 }, /2 of 5 running$/],
    [{ running: 5, allowed: 5, wait: { kind: 'concurrency' } }, /5 of 5 running$/],
    [{ running: 1, allowed: 5, wait: { kind: 'rate', until: HOUR } }, /1 of 5 running, rate limit$/],
    [{ running: 0, allowed: 5, wait: { kind: 'slots' } }, /h {2}waits for a free slot$/],
    [{ running: 0, allowed: 5 }, /h$/],
  ];
  for (const [lane, expected] of table) assert.match(lines(lane) ?? '', expected);
});
