import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '@posthouse/core/testing';
import fc from 'fast-check';
import { type Allowance, Allowances, describeExceeded } from '../src/allowance.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NONE: Allowance = { messagesPerHour: 0, messagesPerDay: 0, recipientsPerHour: 0, recipientsPerDay: 0 };
const one = { messages: 1, recipients: 1 };

test('a user may send up to the limit, and hears when there is more', async () => {
  const clock = fakeClock(0);
  const allowances = new Allowances(clock, 10);
  const allowed = { ...NONE, messagesPerHour: 2 };
  for (let sent = 0; sent < 2; sent++) {
    assert.equal(allowances.exceeded('ann', allowed, one), undefined);
    allowances.spend('ann', one);
    await clock.advance(10 * MINUTE);
  }
  const exceeded = allowances.exceeded('ann', allowed, one);
  assert.deepEqual(exceeded, { what: 'messages', per: 'hour', limit: 2, wait: 45 * MINUTE });
  assert.equal(
    describeExceeded(exceeded as NonNullable<typeof exceeded>),
    'At most 2 messages an hour for this user, try again in 45 minutes',
  );
  assert.equal(allowances.exceeded('bob', allowed, one), undefined);
  await clock.advance(45 * MINUTE);
  assert.equal(allowances.exceeded('ann', allowed, one), undefined);
});

test('of several limits the one that binds longest is named', async () => {
  const clock = fakeClock(0);
  const allowances = new Allowances(clock, 10);
  const allowed = { ...NONE, messagesPerHour: 1, recipientsPerDay: 3 };
  allowances.spend('ann', { messages: 1, recipients: 3 });
  const exceeded = allowances.exceeded('ann', allowed, one);
  assert.deepEqual(exceeded, { what: 'recipients', per: 'day', limit: 3, wait: 24 * HOUR + 5 * MINUTE });
  assert.match(
    describeExceeded(exceeded as NonNullable<typeof exceeded>),
    /3 recipients a day .* in 25 hours/,
  );
  assert.equal(allowances.exceeded('ann', allowed, { messages: 1, recipients: 0 })?.per, 'hour');
});

test('more than the limit ever allows is not told to wait', () => {
  const allowances = new Allowances(fakeClock(0), 10);
  const exceeded = allowances.exceeded(
    'ann',
    { ...NONE, recipientsPerHour: 5 },
    { messages: 1, recipients: 6 },
  );
  assert.equal(exceeded?.wait, undefined);
  assert.equal(
    describeExceeded(exceeded as NonNullable<typeof exceeded>),
    'At most 5 recipients an hour for this user',
  );
});

test('beyond its capacity it forgets who has not sent for the longest time', () => {
  const allowances = new Allowances(fakeClock(0), 2);
  const allowed = { ...NONE, messagesPerHour: 1 };
  for (const user of ['ann', 'bob', 'ann', 'eve']) allowances.spend(user, one);
  assert.equal(allowances.size, 2);
  assert.equal(allowances.exceeded('bob', allowed, one), undefined);
  assert.notEqual(allowances.exceeded('ann', allowed, one), undefined);
});

test('within no hour and no day more is sent than the limits say, whenever it is tried', () => {
  const step = fc.record({
    pause: fc.integer({ min: 0, max: 3 * HOUR }),
    recipients: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      let now = 0;
      const allowances = new Allowances({ ...fakeClock(0), now: () => now }, 10);
      const allowed = { messagesPerHour: 3, messagesPerDay: 10, recipientsPerHour: 6, recipientsPerDay: 20 };
      const sent: { at: number; recipients: number }[] = [];
      for (const { pause, recipients } of steps) {
        now += pause;
        const more = { messages: 1, recipients };
        const exceeded = allowances.exceeded('ann', allowed, more);
        if (exceeded === undefined) {
          allowances.spend('ann', more);
          sent.push({ at: now, recipients });
        } else {
          // What it says about waiting is true of the limit that it names.
          assert.ok(exceeded.wait !== undefined && exceeded.wait > 0);
        }
        for (const [span, messages, all] of [
          [HOUR, 3, 6],
          [24 * HOUR, 10, 20],
        ] as const) {
          const within = sent.filter(({ at }) => at > now - span);
          assert.ok(within.length <= messages);
          assert.ok(within.reduce((sum, each) => sum + each.recipients, 0) <= all);
        }
      }
    }),
  );
});

test('whoever waits as long as he was told may send', () => {
  const step = fc.record({
    pause: fc.integer({ min: 0, max: HOUR }),
    recipients: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let now = 0;
      const allowances = new Allowances({ ...fakeClock(0), now: () => now }, 10);
      const allowed = { messagesPerHour: 3, messagesPerDay: 10, recipientsPerHour: 6, recipientsPerDay: 20 };
      for (const { pause, recipients } of steps) {
        now += pause;
        const more = { messages: 1, recipients };
        now += allowances.exceeded('ann', allowed, more)?.wait ?? 0;
        assert.equal(allowances.exceeded('ann', allowed, more), undefined);
        allowances.spend('ann', more);
      }
    }),
  );
});
