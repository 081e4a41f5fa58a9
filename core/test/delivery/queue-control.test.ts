import assert from 'node:assert/strict';
import test from 'node:test';
import { Outcome } from '../../src/contract/index.ts';
import { gate, HOUR, openRoom } from './room.ts';

const full = Outcome.deferred('4.2.2', 'full');

test('retry makes waiting items due now, and says why', async () => {
  let answer: Outcome = full;
  const room = openRoom({ transports: [{ answer: () => answer }] });
  await room.send();
  await room.send({ to: ['joe@b.example'] });
  await room.settle();
  answer = Outcome.delivered();
  assert.equal(await room.control.retry({ destination: 'a.example' }), 1);
  await room.settle();
  assert.equal(room.deliveries.length, 3);
  assert.deepEqual(
    (await room.items()).map(({ destination }) => destination),
    ['b.example'],
  );
});

test('retry ends the rest of a destination', async () => {
  let answer: Outcome = Outcome.deferred('4.4.1', 'down', { scope: 'destination' });
  const room = openRoom({ transports: [{ answer: () => answer }] });
  await room.send();
  await room.settle();
  answer = Outcome.delivered();
  await room.control.retry({});
  await room.settle();
  assert.deepEqual(await room.items(), []);
});

test('release lets a held item go, with its whole time before it', async () => {
  const room = openRoom({ transports: [{ answer: () => Outcome.delivered() }] });
  const quarantined = { kind: 'quarantined', plugin: 'check-virus', text: 'suspicious' } as const;
  await room.send({ item: { state: 'held', transport: null, destination: '', reason: quarantined } });
  await room.settle();
  assert.equal(room.deliveries.length, 0);
  assert.equal(await room.control.release({ state: 'waiting' }), 0);
  assert.equal(await room.control.release({}), 1);
  await room.settle();
  assert.equal(room.deliveries.length, 1);
  assert.deepEqual(await room.items(), []);
});

test('held items stay held, and the refused stay refused', async () => {
  const room = openRoom({ started: false, transports: [{ answer: () => Outcome.delivered() }] });
  const quarantined = { kind: 'quarantined', plugin: 'check-virus', text: 'suspicious' } as const;
  const refused = { kind: 'refused', plugin: 'check-virus', status: '5.7.1', text: 'a virus' } as const;
  await room.send({ item: { state: 'held', transport: null, destination: '', reason: quarantined } });
  await room.send({ item: { transport: null, destination: '', reason: refused } });
  await room.control.retry({});
  assert.equal(await room.control.retry({ state: 'held' }), 0);
  assert.deepEqual(
    (await room.items()).map(({ state, reason }) => [state, reason.kind]),
    [
      ['held', 'quarantined'],
      ['waiting', 'refused'],
    ],
  );
});

test('retry leaves an item alone that is being attempted', async () => {
  const slow = gate<Outcome>();
  const room = openRoom({ transports: [{ answer: () => slow.promise }] });
  await room.send();
  await room.settle();
  await room.control.retry({});
  await room.clock.advance(5000);
  assert.equal(room.deliveries.length, 1);
  slow.open(Outcome.delivered());
  await room.settle();
  assert.deepEqual(await room.items(), []);
});

test('drop takes items away, those in memory too', async () => {
  const room = openRoom({
    settings: { laneConcurrency: 1 },
    transports: [{ answer: () => new Promise(() => {}) }],
  });
  for (let count = 0; count < 3; count++) await room.send();
  await room.send({ to: ['joe@b.example'] });
  await room.settle();
  assert.equal(await room.control.drop({ destination: 'a.example' }), 3);
  await room.clock.advance(HOUR);
  assert.deepEqual(
    (await room.items()).map(({ destination }) => destination),
    ['b.example'],
  );
  assert.equal(room.deliveries.filter((each) => each.includes(':a.example')).length, 1);
});

test('what comes of an attempt whose item was dropped is neither tried again nor bounced nor redirected', async () => {
  for (const outcome of [full, Outcome.failed('5.1.1', 'no'), Outcome.delivered()]) {
    const slow = gate<Outcome>();
    const room = openRoom({ transports: [{ answer: () => slow.promise }] });
    const [item] = await room.send();
    await room.settle();
    assert.equal(await room.control.drop({ item: item?.id ?? '' }), 1);
    slow.open(outcome);
    await room.clock.advance(HOUR);
    assert.deepEqual(
      [await room.items(), room.deliveries.length, room.events('notice-queued').length],
      [[], 1, 0],
      outcome.kind,
    );
    assert.equal(room.scheduler.running, 0);
  }
});

test('an item is shown by its own id and by that of its message', async () => {
  const room = openRoom({ started: false, transports: [{ answer: () => full }] });
  const [item] = await room.send();
  assert.equal((await room.control.show(item?.id ?? ''))?.item.id, item?.id);
  assert.equal((await room.control.show(item?.message ?? ''))?.message.id, item?.message);
  assert.equal(await room.control.show('nobody'), undefined);
});

test('a list comes in pages', async () => {
  const room = openRoom({ started: false, transports: [{ answer: () => full }] });
  for (let count = 0; count < 5; count++) await room.send();
  const first = await room.control.list({}, 3);
  const second = await room.control.list({}, 3, first.next);
  assert.deepEqual([first.entries.length, second.entries.length, second.next], [3, 2, undefined]);
});
