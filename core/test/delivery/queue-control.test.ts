import assert from 'node:assert/strict';
import test from 'node:test';
import { Outcome } from '../../src/contract/index.ts';
import { headerOnly } from '../../src/delivery/stored-message.ts';
import { gate, HOUR, openRoom } from './room.ts';

const full = Outcome.deferred('4.2.2', 'full');

test('retry makes waiting items due now, and says why', async () => {
  let answer: Outcome = full;
  const room = openRoom({ transports: [{ answer: () => answer }] });
  await room.send();
  await room.send({ to: ['joe@b.example'] });
  await room.settle();
  answer = Outcome.delivered();
  assert.equal((await room.control.act({ destination: 'a.example' }, { do: 'retry' })).count, 1);
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
  await room.control.act({}, { do: 'retry' });
  await room.settle();
  assert.deepEqual(await room.items(), []);
});

test('release lets a held item go, with its whole time before it', async () => {
  const room = openRoom({ transports: [{ answer: () => Outcome.delivered() }] });
  const quarantined = { kind: 'quarantined', plugin: 'check-virus', text: 'suspicious' } as const;
  await room.send({ item: { state: 'held', transport: null, destination: '', reason: quarantined } });
  await room.settle();
  assert.equal(room.deliveries.length, 0);
  assert.equal((await room.control.act({ state: 'waiting' }, { do: 'release' })).count, 0);
  assert.equal((await room.control.act({}, { do: 'release' })).count, 1);
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
  await room.control.act({}, { do: 'retry' });
  assert.equal((await room.control.act({ state: 'held' }, { do: 'retry' })).count, 0);
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
  await room.control.act({}, { do: 'retry' });
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
  assert.equal((await room.control.act({ destination: 'a.example' }, { do: 'drop' })).count, 3);
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
    assert.equal((await room.control.act({ item: item?.id ?? '' }, { do: 'drop' })).count, 1);
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

const DROP = { do: 'drop' } as const;
const HOLD = { do: 'hold' } as const;
const RELEASE = { do: 'release' } as const;

async function text(octets: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of octets) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

test('hold keeps waiting items until they are released, with their whole time before them however often that is done', async () => {
  const room = openRoom({ transports: [{ answer: () => full }] });
  const [item] = await room.send();
  await room.settle();
  const { clock } = room;
  for (let time = 0; time < 3; time++) {
    assert.deepEqual(await room.control.act({}, HOLD), { count: 1, busy: [] });
    assert.deepEqual(await room.control.act({}, HOLD), { count: 0, busy: [] });
    const before = room.deliveries.length;
    await clock.advance(20 * HOUR);
    assert.equal(room.deliveries.length, before);
    assert.deepEqual((await room.items())[0]?.reason, {
      kind: 'held-by-operator',
      at: clock.now() - 20 * HOUR,
    });
    assert.equal((await room.control.act({}, RELEASE)).count, 1);
    assert.equal((await room.items())[0]?.expires, clock.now() + 5 * 24 * HOUR);
    await room.settle();
    assert.equal(room.deliveries.length, before + 1);
  }
  assert.equal((await room.items())[0]?.id, item?.id);
  assert.deepEqual(
    room.events('queue-changed').map(({ action }) => action),
    ['held', 'released', 'held', 'released', 'held', 'released'],
  );
});

test('hold takes items out of memory that have not begun, and leaves alone what is being delivered', async () => {
  const slow = gate<Outcome>();
  const room = openRoom({ settings: { laneConcurrency: 1 }, transports: [{ answer: () => slow.promise }] });
  const [running] = await room.send();
  const [waiting] = await room.send();
  await room.settle();
  assert.ok(room.control.inDelivery(running?.id ?? ''));
  assert.deepEqual(await room.control.act({}, HOLD), { count: 1, busy: [running?.id] });
  slow.open(Outcome.delivered());
  await room.clock.advance(HOUR);
  assert.deepEqual(
    (await room.items()).map(({ id, state }) => [id, state]),
    [[waiting?.id, 'held']],
  );
  assert.equal(room.deliveries.length, 1);
});

test('what was settled while an operator looked is not undone by what he asks for', async () => {
  // Both recipients are in one item; one is delivered while the queue is being read.
  const slow = gate<Outcome>();
  const reading = gate<void>();
  let reads = 0;
  const room = openRoom({
    transports: [
      {
        async answer(delivery) {
          const [first, second] = delivery.recipients;
          if (first === undefined || second === undefined) return Outcome.delivered();
          await slow.promise;
          await delivery.settle(first, Outcome.delivered());
          return full;
        },
      },
    ],
    store: (real) =>
      new Proxy(real, {
        get(target, name) {
          const found = Reflect.get(target, name);
          if (name !== 'find') return typeof found === 'function' ? found.bind(target) : found;
          return async (...given: Parameters<typeof real.find>) => {
            const page = await real.find(...given);
            reads += 1;
            // The second look is the one that the change is made from.
            if (reads === 2) await reading.promise;
            return page;
          };
        },
      }),
  });
  await room.send({ to: ['ann@a.example', 'joe@a.example'] });
  await room.settle();
  const acting = room.control.act({}, HOLD);
  await room.settle();
  slow.open(Outcome.delivered());
  await room.settle();
  reading.open();
  const { count, busy } = await acting;
  assert.deepEqual([count, busy.length], [0, 1]);
  const [item] = await room.items();
  assert.deepEqual(
    [item?.recipients.map(({ address }) => address), item?.state],
    [['joe@a.example'], 'waiting'],
  );
});

test('bounce returns messages to their senders, in the operator’s words too, and tells nobody of the null sender', async () => {
  const room = openRoom({
    transports: [
      { claim: ({ domain }) => (domain === 'a.example' ? domain : undefined), answer: () => full },
    ],
  });
  await room.send();
  await room.send({ sender: '' });
  const quarantined = { kind: 'quarantined', plugin: 'check-virus', text: 'suspicious' } as const;
  await room.send({ item: { state: 'held', transport: null, destination: '', reason: quarantined } });
  await room.settle();
  const text = 'We do not carry this';
  assert.deepEqual(await room.control.act({}, { do: 'bounce', text }), { count: 3, busy: [] });
  await room.settle();
  assert.equal(room.events('notice-queued').length, 2);
  assert.equal(room.events('notice-dropped').length, 1);
  const notices = await room.items();
  assert.equal(notices.length, 2);
  const notice = await room.contentOf(notices[0]?.message ?? '');
  assert.match(notice, /Status: 5\.7\.1/);
  assert.match(notice, /We do not carry this/);
  assert.equal(room.events('queue-changed')[0]?.text, text);
});

test('reroute sends items to another next hop of their transport or of another, or where the configuration routes now', async () => {
  let route = 'old.example';
  const transports = [
    {
      name: 'deliver-one',
      claim: () => route,
      readDestination: (words: string) => (words.includes(' ') ? undefined : words.toLowerCase()),
      answer: () => full,
    },
    { name: 'deliver-two', claim: () => undefined, answer: () => full },
  ];
  const room = openRoom({ transports });
  await room.send();
  await room.settle();
  const lane = async () => (await room.items()).map((item) => `${item.transport}:${item.destination}`).join();
  await room.control.act({}, { do: 'reroute', destination: 'New.Example' });
  assert.equal(await lane(), 'deliver-one:new.example');
  await room.settle();
  assert.equal(room.deliveries.at(-1), 'deliver-one:new.example joe@a.example #2');
  await room.control.act({}, { do: 'reroute', destination: 'Other', transport: 'deliver-two' });
  await room.settle();
  assert.equal(await lane(), 'deliver-two:Other');
  route = 'newest.example';
  await room.control.act({}, { do: 'reroute', anew: true });
  await room.settle();
  assert.equal(await lane(), 'deliver-one:newest.example');
  await assert.rejects(
    room.control.act({}, { do: 'reroute', destination: 'no hop' }),
    /knows no next hop such as no hop/,
  );
  const elsewhere = { do: 'reroute', destination: 'x', transport: 'deliver-three' } as const;
  await assert.rejects(room.control.act({}, elsewhere), /no plugin deliver-three carries mail here/);
});

test('what is held stays held in its new lane', async () => {
  const room = openRoom({ transports: [{ answer: () => full }] });
  await room.send();
  await room.settle();
  await room.control.act({}, HOLD);
  await room.control.act({}, { do: 'reroute', destination: 'b.example' });
  assert.deepEqual(
    (await room.items()).map(({ state, destination }) => [state, destination]),
    [['held', 'b.example']],
  );
});

test('a plan changes nothing, and an act that concerns more than it may does nothing', async () => {
  const room = openRoom({ started: false, transports: [{ answer: () => full }] });
  for (let count = 0; count < 3; count++) await room.send();
  const before = await room.items();
  assert.equal((await room.control.plan({}, DROP)).count, 3);
  assert.equal((await room.control.plan({}, RELEASE)).count, 0);
  await assert.rejects(room.control.act({}, DROP, 2), /3 items fit, which is more than 2/);
  assert.deepEqual(await room.items(), before);
  assert.equal((await room.control.act({}, DROP, 3)).count, 3);
});

test('what comes into the queue while an act is under way is not touched', async () => {
  let late: (() => Promise<unknown>) | undefined;
  const room = openRoom({
    started: false,
    transports: [{ answer: () => full }],
    store: (real) =>
      new Proxy(real, {
        get(target, name) {
          const found = Reflect.get(target, name);
          if (name !== 'find') return typeof found === 'function' ? found.bind(target) : found;
          return async (...given: Parameters<typeof real.find>) => {
            const page = await real.find(...given);
            const then = late;
            late = undefined;
            await then?.();
            return page;
          };
        },
      }),
  });
  await room.send();
  late = () => room.send();
  assert.equal((await room.control.act({}, DROP)).count, 1);
  assert.equal((await room.items()).length, 1);
});

test('a message is read octet for octet, and its header section up to the empty line', async () => {
  const room = openRoom({ started: false, transports: [{ answer: () => full }] });
  const body = 'Subject: a\r\nX: b\r\n\r\nHello \u00e9\r\n\r\nagain\r\n';
  const [item] = await room.send({ body });
  const entry = await room.control.show(item?.id ?? '');
  assert.ok(entry);
  const whole = `Received: from client.example\r\n${Buffer.from(body).toString('latin1')}`;
  assert.equal(await text(room.control.content(entry, 'message')), whole);
  assert.equal(
    await text(room.control.content(entry, 'header')),
    'Received: from client.example\r\nSubject: a\r\nX: b\r\n\r\n',
  );
});

test('a header section ends at the first empty line, however the octets are cut', async () => {
  const cases = [
    ['A: b\r\n\r\nrest\r\n\r\n', 'A: b\r\n\r\n'],
    ['\r\nrest\r\n\r\n', '\r\n'],
    ['A: b\r\n', 'A: b\r\n'],
    ['', ''],
  ] as const;
  for (const [whole, header] of cases) {
    for (let size = 1; size <= Math.max(1, whole.length); size++) {
      const cut = async function* () {
        for (let at = 0; at < whole.length; at += size) yield Buffer.from(whole.slice(at, at + size));
      };
      assert.equal(await text(headerOnly(cut())), header, `${JSON.stringify(whole)} in pieces of ${size}`);
    }
  }
});
