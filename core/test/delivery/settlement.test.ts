import assert from 'node:assert/strict';
import test from 'node:test';
import { Outcome, type QueueItem } from '../../src/contract/index.ts';
import {
  isOverdue,
  overdue,
  overdueOutcomes,
  reachOf,
  settlementOf,
  withSettled,
} from '../../src/delivery/settlement.ts';
import { mailbox } from '../../src/smtp/index.ts';

const NOW = 1_000_000;
const rules = { retryAfter: [60_000], redirects: 2 };
const item: QueueItem = {
  id: 'I1',
  message: 'M1',
  transport: 'deliver-smtp',
  destination: 'a.example',
  recipients: [{ address: 'one@a.example' }, { address: 'two@a.example' }, { address: 'three@a.example' }],
  state: 'waiting',
  reason: { kind: 'fresh' },
  attempts: 0,
  due: NOW,
  expires: NOW + 86_400_000,
};
const settle = (outcomes: readonly Outcome[], of = item, now = NOW) =>
  settlementOf(of, outcomes, now, rules, () => 0.5);
const delivered = Outcome.delivered();

test('delivered and discarded recipients are done, and so is the item when all are', () => {
  const { remaining, news, redirected } = settle([delivered, delivered, Outcome.discarded('spam')]);
  assert.deepEqual({ remaining, news, redirected }, { remaining: undefined, news: [], redirected: [] });
});

test('only the deferred recipients remain, with the first reason and the next due time', () => {
  const { remaining } = settle([
    Outcome.deferred('4.2.2', 'full'),
    delivered,
    Outcome.deferred('4.2.1', 'later'),
  ]);
  assert.deepEqual(remaining, {
    ...item,
    recipients: [{ address: 'one@a.example' }, { address: 'three@a.example' }],
    attempts: 1,
    due: NOW + 60_000,
    reason: { kind: 'deferred', status: '4.2.2', text: 'full', at: NOW },
  });
});

test('the longest wait that one of the recipients was asked for counts', () => {
  const { remaining } = settle([
    Outcome.deferred('4.2.2', 'full', { retryAfter: 600_000 }),
    Outcome.deferred('4.2.2', 'full', { retryAfter: 900_000 }),
    delivered,
  ]);
  assert.equal(remaining?.due, NOW + 900_000);
});

test('failed recipients are named for the notice, and the others go their way', () => {
  const failure = Outcome.failed('5.1.1', 'no such user', { host: 'mx.a.example', reply: '550 5.1.1 no' });
  const { remaining, news } = settle([failure, delivered, Outcome.deferred('4.2.2', 'full')]);
  const { status, text, remote } = failure;
  assert.deepEqual(news, [
    { action: 'failed', recipient: { address: 'one@a.example' }, status, text, remote },
  ]);
  assert.deepEqual(remaining?.recipients, [{ address: 'three@a.example' }]);
});

test('a deferral at the end of the time is a failure 5.4.7 that tells the last problem and who said it', () => {
  const remote = { host: 'mx.a.example', reply: '452 4.2.2 full' };
  const { remaining, news } = settle(
    [Outcome.deferred('4.2.2', 'full', { remote }), delivered, delivered],
    item,
    item.expires,
  );
  assert.equal(remaining, undefined);
  assert.deepEqual(news[0], {
    action: 'failed',
    recipient: { address: 'one@a.example' },
    status: '5.4.7',
    text: 'Delivery time expired; the last problem was: 4.2.2 full',
    remote,
  });
});

test('a redirected recipient is replaced by others that keep what was asked for it and remember the plugin', () => {
  const parameters = { notify: ['NEVER'] as const, orcpt: { type: 'rfc822', address: 'first@a.example' } };
  const one: QueueItem = {
    ...item,
    transport: 'route-aliases',
    recipients: [{ address: 'one@a.example', parameters }],
  };
  const { remaining, redirected } = settle(
    [Outcome.redirected([mailbox('x@b.example'), mailbox('y@c.example')])],
    one,
  );
  assert.equal(remaining, undefined);
  assert.deepEqual(redirected, [
    { address: 'x@b.example', parameters, redirectedBy: ['route-aliases'] },
    { address: 'y@c.example', parameters, redirectedBy: ['route-aliases'] },
  ]);
});

test('two redirections to one address make one recipient', () => {
  const to = [mailbox('boss@b.example')];
  const { redirected } = settle([Outcome.redirected(to), Outcome.redirected(to), delivered]);
  assert.equal(redirected.length, 1);
});

test('as many redirections as the settings allow may follow each other, and the next one fails with 5.4.6', () => {
  const after = (redirectedBy: readonly string[]) =>
    settle([Outcome.redirected([mailbox('x@b.example')])], {
      ...item,
      recipients: [{ address: 'one@a.example', redirectedBy }],
    });
  assert.deepEqual(after(['route-a']).redirected[0]?.redirectedBy, ['route-a', 'deliver-smtp']);
  const { redirected, news } = after(['route-a', 'route-b']);
  assert.deepEqual([redirected.length, news[0]?.status], [0, '5.4.6']);
});

test('an item without a transport waits for a route', () => {
  const { remaining } = settle([Outcome.deferred('4.4.4', 'no route'), delivered, delivered], {
    ...item,
    transport: null,
  });
  assert.deepEqual(remaining?.reason, { kind: 'no-route' });
});

test('only a deferral of the destination says that nothing reaches it', () => {
  assert.equal(
    reachOf([delivered, Outcome.deferred('4.4.1', 'down', { scope: 'destination' })]),
    'unreachable',
  );
  assert.equal(
    reachOf([Outcome.deferred('4.2.2', 'full', { scope: 'recipient' }), Outcome.failed('5.1.1', 'no')]),
    'reached',
  );
});

test('a deferral of the class rate asks for less, and a failure of that class for nothing', () => {
  const tooMuch = { ...Outcome.deferred('4.7.1', 'too much mail'), class: 'rate' as const };
  assert.equal(reachOf([delivered, tooMuch]), 'overcharged');
  assert.equal(reachOf([{ ...Outcome.failed('5.7.1', 'too much mail'), class: 'rate' }]), 'reached');
  assert.equal(reachOf([tooMuch, { ...tooMuch, scope: 'destination' }]), 'unreachable');
});

test('settled outcomes are kept with their recipients, deferrals are not', () => {
  const kept = withSettled(item, [delivered, Outcome.deferred('4.2.2', 'full'), undefined]);
  assert.deepEqual(kept.recipients, [
    { address: 'one@a.example', settled: delivered },
    { address: 'two@a.example' },
    { address: 'three@a.example' },
  ]);
});

test('an item whose lane rested over its end leaves the lane and fails with what it waited for', () => {
  const reason = { kind: 'deferred', status: '4.4.1', text: 'connection refused', at: 5 } as const;
  const late = overdue({ ...item, reason }, item.expires);
  assert.equal(isOverdue(late, item.expires), true);
  assert.equal(isOverdue({ ...late, reason: { kind: 'no-route' } }, item.expires), false);
  const [outcome] = overdueOutcomes(late);
  assert.deepEqual(
    outcome,
    Outcome.failed('5.4.7', 'Delivery time expired; the last problem was: 4.4.1 connection refused'),
  );
  const never = overdueOutcomes(overdue(item, item.expires))[0];
  assert.match(never?.kind === 'failed' ? never.text : '', /4\.4\.1 The destination could not be reached/);
});

test('a changed sender stays with the recipients, until a later redirection changes it again', () => {
  const [to] = [mailbox('x@b.example')];
  const one = { ...item, recipients: [{ address: 'one@a.example', sender: 'first@srs.example' }] };
  const sender = (outcome: Outcome) => settle([outcome], one).redirected[0]?.sender;
  assert.equal(sender(Outcome.redirected([to])), 'first@srs.example');
  assert.equal(
    sender(Outcome.redirected([to], { sender: mailbox('second@srs.example') })),
    'second@srs.example',
  );
  assert.equal(sender(Outcome.redirected([to], { sender: null })), '');
});
