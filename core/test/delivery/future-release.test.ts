// A message whose sender wants it to go later (RFC 4865): in the queue until then, for operators to see, with its whole
// time before it from then on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entryText } from '../../src/cli/queue-text.ts';
import { type DeliverySettings, definePlugin, Outcome, Verdict } from '../../src/contract/index.ts';
import { QueueControl } from '../../src/delivery/index.ts';
import { authMemory, deliverMemory, type OpenHouse, openHouse } from '../../src/testing/index.ts';

const MINUTE = 60_000;

const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});

async function house(refuses: 'nobody' | 'for-now' | 'for-good' = 'nobody', quarantines = false) {
  const transport = deliverMemory({
    answer: ({ sender }) => {
      if (sender === null || refuses === 'nobody') return undefined;
      return refuses === 'for-now' ? Outcome.deferred('4.2.0', 'Later') : Outcome.failed('5.1.1', 'Nobody');
    },
  });
  const holds = definePlugin({
    name: 'holds',
    setup: () => ({ hooks: { 'on-data': () => (quarantines ? Verdict.quarantine('odd') : undefined) } }),
  });
  const opened = await openHouse({
    listeners: [
      { name: 'mx', host: '127.0.0.1', port: 0, auth: 'offered', authWithoutTls: true, futureRelease: '30d' },
    ],
    delivery: { delayWarningAfter: '5m', expireAfter: '1h' },
    plugins: [authMemory({ users: { ann: 'pencil' } }), accepts(), holds(), transport],
  });
  const { store, scheduler, routing, events } = opened.server.house;
  const settings = { expireAfter: 60 * MINUTE } as DeliverySettings;
  const services = { store, scheduler, routing, clock: opened.clock, events, settings };
  return { opened, transport, control: new QueueControl(services) };
}

const LOGIN = `S: 220 *
C: EHLO client.example
S: 250-*
S: 250 *
C: AUTH PLAIN ${Buffer.from('\0ann\0pencil').toString('base64')}
S: 235 *`;

function submit(opened: OpenHouse, parameters: string): Promise<unknown> {
  return opened.talk(`${LOGIN}
C: MAIL FROM:<ann@client.example>${parameters}
C: RCPT TO:<bob@ours.example>
C: DATA
S: 250 *
S: 250 *
S: 354 *
C: Subject: later
C:
C: Hello
C: .
S: 250 2.0.0 Queued *
C: QUIT
S: 221 *`);
}

for (const [name, parameters] of [
  ['HOLDFOR', () => ' HOLDFOR=120'],
  [
    'HOLDUNTIL',
    (now: number) => ` HOLDUNTIL=${new Date(now + 2 * MINUTE).toISOString().replace(/\.\d+Z/, 'Z')}`,
  ],
] as const) {
  test(`${name}: the message is delivered at its time and not before`, async () => {
    const { opened, transport, control } = await house();
    await using _ = opened;
    const { clock } = opened;
    const arrived = clock.now();
    await submit(opened, parameters(arrived));
    await clock.advance(2 * MINUTE - 5000);
    assert.equal(transport.messages.length, 0);
    const [entry] = (await control.list({}, 10)).entries;
    assert.equal(entry?.item.due, arrived + 2 * MINUTE);
    assert.equal(entry?.item.expires, arrived + 2 * MINUTE + 60 * MINUTE);
    const shown = entryText(entry as NonNullable<typeof entry>, clock.now());
    assert.match(shown, /^why {8}its sender wants it to go later$/m);
    assert.match(shown, /^next {6}.*, in 5s$/m);
    await clock.advance(10_000);
    assert.equal((await transport.delivered(1)).length, 1);
  });
}

test('an operator who has all tried again does not send it early', async () => {
  const { opened, transport, control } = await house();
  await using _ = opened;
  await submit(opened, ' HOLDFOR=120');
  await control.act({}, { do: 'retry' });
  await opened.clock.advance(MINUTE);
  assert.equal(transport.messages.length, 0);
  await opened.clock.advance(MINUTE + 2000);
  await transport.delivered(1);
});

test('released from quarantine it still waits for its time', async () => {
  const { opened, transport, control } = await house('nobody', true);
  await using _ = opened;
  const arrived = opened.clock.now();
  await submit(opened, ' HOLDFOR=120');
  await opened.clock.advance(MINUTE);
  assert.equal((await control.act({}, { do: 'release' })).count, 1);
  await opened.clock.advance(1000);
  const [entry] = (await control.list({}, 10)).entries;
  assert.equal(entry?.item.due, arrived + 2 * MINUTE);
  assert.equal(entry?.item.expires, arrived + 62 * MINUTE);
  await opened.clock.advance(MINUTE + 2000);
  await transport.delivered(1);
});

test('its time for retries and warnings begins at its release', async () => {
  const { opened, transport } = await house('for-now');
  await using _ = opened;
  await submit(opened, ' HOLDFOR=600');
  await opened.clock.advance(11 * MINUTE);
  assert.equal(opened.events('attempt-finished').length > 0, true);
  assert.equal(opened.events('notice-queued').length, 0);
  // Five minutes behind that, at the next attempt.
  await opened.clock.advance(8 * MINUTE);
  assert.deepEqual(
    opened.events('notice-queued').map(({ action }) => action),
    ['delayed'],
  );
  const [warning] = await transport.delivered(1);
  assert.match(warning?.content ?? '', /^Future-Release-Request: for;600\r$/m);
});

test('RFC 4865 §6: a notice says what was asked for', async () => {
  const { opened, transport } = await house('for-good');
  await using _ = opened;
  const until = new Date(opened.clock.now() + MINUTE).toISOString();
  await submit(opened, ` HOLDUNTIL=${until}`);
  await opened.clock.advance(MINUTE + 2000);
  const [bounce] = await transport.delivered(1);
  assert.ok(bounce?.content.includes(`\r\nFuture-Release-Request: until;${until}\r\n`));
});
