import assert from 'node:assert/strict';
import test from 'node:test';
import { type EventSink, Outcome, type QueueItem } from '../../src/contract/index.ts';
import { faultOf, Sweeper } from '../../src/delivery/sweeper.ts';
import { MemoryStore } from '../../src/intake/index.ts';
import { fakeClock } from '../../src/testing/fake-clock.ts';
import { recordingLogger } from '../../src/testing/recording-logger.ts';
import { HOUR, MINUTE, openRoom } from './room.ts';
import { recordedEvents } from './scripted-room.ts';

const base: QueueItem = {
  id: 'I1',
  message: 'M1',
  transport: 'deliver-test',
  destination: 'a.example',
  recipients: [{ address: 'joe@a.example' }],
  state: 'waiting',
  reason: { kind: 'fresh' },
  attempts: 0,
  due: 0,
  expires: 0,
};

test('an item needs a reason, a due time, and an end that its due time does not pass', () => {
  const now = 100 * HOUR;
  const table: readonly (readonly [string, Partial<QueueItem>, ReturnType<typeof faultOf>])[] = [
    ['due and not expired', { due: now - HOUR, expires: now + HOUR }, undefined],
    ['due in future', { due: now + HOUR, expires: now + 2 * HOUR }, undefined],
    ['just expired', { due: now - MINUTE, expires: now - MINUTE }, undefined],
    ['expired long since', { due: now - HOUR, expires: now - HOUR }, 'overdue'],
    ['expired, with a last attempt ahead', { due: now, expires: now - HOUR }, undefined],
    ['due after its end', { due: now + 10 * HOUR, expires: now + HOUR }, 'endless'],
    ['without a due time', { due: Number.NaN, expires: now }, 'endless'],
    ['without an end', { due: now, expires: Number.POSITIVE_INFINITY }, 'endless'],
    ['without a reason', { reason: undefined as never, due: now, expires: now }, 'endless'],
  ];
  for (const [name, item, expected] of table)
    assert.equal(faultOf({ ...base, ...item }, now), expected, name);
});

test('a walk mends what has no next action, brings back what is overdue, and leaves the rest alone', async () => {
  const clock = fakeClock();
  const now = clock.now();
  const store = new MemoryStore();
  const log = recordingLogger();
  const draft = store.draft();
  const items: QueueItem[] = [
    { ...base, id: '1', due: now + HOUR, expires: now + 2 * HOUR },
    { ...base, id: '2', due: Number.POSITIVE_INFINITY, expires: now + HOUR },
    { ...base, id: '3', due: now - HOUR, expires: now - HOUR },
    { ...base, id: '4', due: now - HOUR, expires: now - HOUR },
    { ...base, id: '5', due: now, expires: now, state: 'held' },
  ];
  const message = {
    id: 'M1',
    sender: '',
    arrivedAt: 0,
    size: 0,
    head: '',
    parameters: {},
    origin: { session: 'S' },
    notes: {},
  };
  await store.commit({ put: [{ message, body: await draft.finish(), items, leaseUntil: undefined }] });
  let woken = 0;
  const scheduler = {
    holds: (id: string) => id === '4',
    change: (update: readonly QueueItem[]) => store.commit({ update }),
    drop: (remove: readonly QueueItem[]) => store.commit({ remove }),
    whileStill: <T>(act: () => Promise<T>) => act(),
    wake: () => {
      woken += 1;
    },
  };
  const told: unknown[] = [];
  const events: EventSink = { wants: () => true, emit: (...event) => void told.push(event) };
  const sweeper = new Sweeper(store, scheduler, clock, events, log);
  await sweeper.sweep();
  const after = (await store.find({}, 10)).entries.map(({ item }) => item);
  assert.deepEqual(after, [
    items[0],
    { ...items[1], due: now },
    {
      ...items[2],
      transport: null,
      destination: '',
      due: now,
      reason: { kind: 'deferred', status: '4.4.1', text: 'The destination could not be reached', at: now },
    },
    items[3],
    items[4],
  ]);
  assert.deepEqual([sweeper.withoutNextAction, woken], [1, 1]);
  const { transport, destination } = base;
  assert.deepEqual(told, [
    ['item-without-next-action', { item: '2', message: 'M1', transport, destination }],
    ['queue-swept', { items: 5, withoutNextAction: 1 }],
  ]);
  await sweeper.sweep();
  assert.equal(sweeper.withoutNextAction, 0);
});

test('the walk is repeated by the clock, and a store that fails is named and asked again', async () => {
  const clock = fakeClock();
  const log = recordingLogger();
  let walks = 0;
  const store = new MemoryStore();
  store.find = async () => {
    walks += 1;
    if (walks === 1) throw new Error('busy');
    return { entries: [], next: undefined };
  };
  const sweeper = new Sweeper(
    store,
    {
      holds: () => false,
      change: async () => {},
      drop: async () => {},
      whileStill: (act) => act(),
      wake: () => {},
    },
    clock,
    recordedEvents(),
    log,
  );
  sweeper.start();
  await clock.advance(HOUR);
  sweeper.stop();
  await clock.advance(HOUR);
  assert.equal(walks, 4);
  assert.equal(log.lines[0]?.fields.error, 'busy');
});

test('quarantine ends in silence when its time is over; what an operator holds has no end', async () => {
  const clock = fakeClock();
  const now = clock.now();
  const store = new MemoryStore();
  const held = { ...base, transport: null, destination: '', state: 'held' } as const;
  const quarantined = { kind: 'quarantined', plugin: 'check-virus', text: 'looks odd' } as const;
  const items: QueueItem[] = [
    { ...held, id: '1', reason: quarantined, expires: now + HOUR },
    { ...held, id: '2', reason: quarantined, expires: now + 2 * HOUR },
    { ...held, id: '3', reason: { kind: 'held-by-operator', at: 0 }, expires: now },
  ];
  const message = {
    id: 'M1',
    sender: 'ann@sender.example',
    arrivedAt: 0,
    size: 0,
    head: '',
    parameters: {},
    origin: { session: 'S' },
    notes: {},
  };
  await store.commit({
    put: [{ message, body: await store.draft().finish(), items, leaseUntil: undefined }],
  });
  const events = recordedEvents();
  const scheduler = {
    holds: () => false,
    change: (update: readonly QueueItem[]) => store.commit({ update }),
    drop: (remove: readonly QueueItem[]) => store.commit({ remove }),
    whileStill: <T>(act: () => Promise<T>) => act(),
    wake: () => {},
  };
  const sweeper = new Sweeper(store, scheduler, clock, events, recordingLogger());
  const left = async () => (await store.find({}, 10)).entries.map(({ item }) => item.id);
  await sweeper.sweep();
  assert.deepEqual(await left(), ['1', '2', '3']);
  await clock.advance(HOUR);
  await sweeper.sweep();
  assert.deepEqual(await left(), ['2', '3']);
  assert.deepEqual(events.of('quarantine-expired'), [
    {
      item: '1',
      message: 'M1',
      sender: 'ann@sender.example',
      recipients: ['joe@a.example'],
      plugin: 'check-virus',
      text: 'looks odd',
    },
  ]);
  assert.equal(sweeper.withoutNextAction, 0);
});

test('an item that was broken in the store is reported, mended and delivered', async () => {
  const room = openRoom({ transports: [{ answer: () => Outcome.delivered() }] });
  const now = room.clock.now();
  const [item] = (await room.send({ fresh: false, item: { due: now + HOUR } })) as [QueueItem];
  await room.clock.advance(16 * MINUTE);
  assert.equal(room.events('item-without-next-action').length, 0);
  await room.store.commit({ update: [{ ...item, due: now + 1000 * HOUR }] });
  await room.clock.advance(15 * MINUTE);
  assert.deepEqual(
    room.events('item-without-next-action').map(({ item: id }) => id),
    [item.id],
  );
  assert.deepEqual(room.deliveries, ['deliver-test:a.example joe@a.example #1']);
  assert.equal(room.scheduler.withoutNextAction, 1);
  await room.clock.advance(15 * MINUTE);
  assert.deepEqual(
    room.events('queue-swept').map(({ items, withoutNextAction }) => [items, withoutNextAction]),
    [
      [1, 0],
      [1, 1],
      [0, 0],
    ],
  );
  assert.equal(room.scheduler.withoutNextAction, 0);
});

test('a walk pauses between its looks, so that a long queue is no hindrance', async () => {
  const clock = fakeClock();
  const store = new MemoryStore();
  let looks = 0;
  store.find = async () => {
    looks += 1;
    return { entries: [], next: looks < 10 ? 'more' : undefined };
  };
  const sweepable = {
    holds: () => false,
    change: async () => {},
    drop: async () => {},
    whileStill: <T>(act: () => Promise<T>) => act(),
    wake: () => {},
  };
  const events = { wants: () => true, emit: () => {} };
  const sweeper = new Sweeper(store, sweepable, clock, events, recordingLogger());
  const walk = sweeper.sweep();
  await clock.advance(100);
  assert.equal(looks, 6);
  sweeper.stop();
  await walk;
  assert.equal(looks, 7, 'a stop does not wait for the end of the walk');
});
