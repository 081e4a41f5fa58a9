import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deadlines, Limits } from '../../src/contract/index.ts';
import { type Doing, Patience } from '../../src/reception/patience.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DEADLINES = {
  command: 5 * MINUTE,
  data: 3 * MINUTE,
  transaction: HOUR,
  session: 6 * HOUR,
  rateWindow: 3 * MINUTE,
} as Deadlines;
const LIMITS = { minimumRate: 100 } as Limits;

const IDLE: Doing = { inBody: false, midLine: false, transactionStartedAt: undefined };
const MID_LINE: Doing = { ...IDLE, midLine: true };
const inBody = (transactionStartedAt: number): Doing => ({
  inBody: true,
  midLine: false,
  transactionStartedAt,
});

/** Sends so many octets at the beginning of each period, and is looked at every second, as the sweep does. */
function firstOverdue(
  doing: Doing,
  { octets, every, until }: { octets: number; every: number; until: number },
  limits = LIMITS,
): [number, string] | undefined {
  const patience = new Patience(0);
  for (let now = 0; now <= until; now += 1000) {
    if (now % every === 0) patience.heard(now, octets);
    const overdue = patience.overdue(now, doing, DEADLINES, limits);
    if (overdue !== undefined) return [now, overdue];
  }
  return undefined;
}

test('a silent client has the time that RFC 5321 gives it, and not a second more', () => {
  const silent = { octets: 0, every: HOUR, until: HOUR };
  const TIMEOUT = 'Timeout, closing the connection';
  assert.deepEqual(firstOverdue(IDLE, silent), [DEADLINES.command + 1000, TIMEOUT]);
  assert.deepEqual(firstOverdue(inBody(0), silent, { ...LIMITS, minimumRate: 0 }), [
    DEADLINES.data + 1000,
    TIMEOUT,
  ]);
});

test('a client below the minimum rate is cut off after one window, in a message and in a command line', () => {
  const slow = { octets: 99, every: 1000, until: HOUR };
  const late = [DEADLINES.rateWindow, 'Too slow, closing the connection'];
  assert.deepEqual(firstOverdue(inBody(0), slow), late);
  assert.deepEqual(firstOverdue(MID_LINE, slow), late);
  assert.deepEqual(firstOverdue(MID_LINE, { octets: 1, every: MINUTE, until: HOUR }), late);
});

test('the rate is an average: whoever pauses and then hurries is not slow, nor whoever has nothing under way', () => {
  const hour = { every: 150_000, until: 30 * MINUTE };
  assert.equal(firstOverdue(inBody(0), { octets: 150_000, ...hour }), undefined);
  assert.equal(firstOverdue(IDLE, { octets: 6, ...hour }), undefined);
});

test('a minimum rate of 0 switches it off', () => {
  const slow = { octets: 1, every: MINUTE, until: 30 * MINUTE };
  assert.equal(firstOverdue(inBody(0), slow, { ...LIMITS, minimumRate: 0 }), undefined);
});

test('the time in which the server itself was slow does not count', () => {
  const patience = new Patience(0);
  patience.excuse(10 * MINUTE);
  assert.equal(patience.overdue(12 * MINUTE, inBody(0), DEADLINES, LIMITS), undefined);
});

test('a transaction ends in time however fast it sends', () => {
  const fast = { octets: 1_000_000, every: 1000, until: 2 * HOUR };
  assert.deepEqual(firstOverdue(inBody(0), fast), [HOUR + 1000, 'The transaction took too long']);
});

test('a session ends in time however busy it is; a transaction in it may end first', () => {
  const busy = { octets: 1000, every: 1000, until: 8 * HOUR };
  assert.deepEqual(firstOverdue(IDLE, busy), [6 * HOUR + 1000, 'The session took too long']);
  const patience = new Patience(0);
  patience.heard(6 * HOUR + 1000, 1_000_000_000);
  const open = inBody(6 * HOUR - 1000);
  assert.equal(patience.overdue(6 * HOUR + 1000, open, DEADLINES, LIMITS), undefined);
  const always = inBody(7 * HOUR);
  patience.heard(7 * HOUR + 1000, 1_000_000_000);
  assert.equal(patience.overdue(7 * HOUR + 1000, always, DEADLINES, LIMITS), 'The session took too long');
});
