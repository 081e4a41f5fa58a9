// What only the driver of a session can get wrong: failing handlers over the wire, held-back vetoes, draining, bounds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin, type Handler, type SessionHook, Verdict } from '../../src/index.ts';
import { deliverMemory, type OpenHouse, openHouse } from '../../src/testing/index.ts';

const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});

function subject(hook: SessionHook, handler: () => unknown) {
  return definePlugin({
    name: 'subject',
    setup: () => ({ hooks: { [hook]: handler as Handler<SessionHook> } }),
  })();
}

/** Stops a house whose client will not go by itself: the drain deadline passes. */
async function cutOff(house: OpenHouse): Promise<void> {
  const stopped = house.stop();
  await house.clock.advance(31_000);
  await stopped;
}

const UNTIL: { readonly [H in SessionHook]: readonly string[] } = {
  'on-connect': [],
  'on-mail-from': ['S: 220 *', 'C: HELO client.example', 'S: 250 *', 'C: MAIL FROM:<a@client.example>'],
  'on-rcpt': [
    'S: 220 *',
    'C: HELO client.example',
    'S: 250 *',
    'C: MAIL FROM:<a@client.example>',
    'S: 250 *',
    'C: RCPT TO:<b@x.example>',
  ],
  'on-data': [
    'S: 220 *',
    'C: HELO client.example',
    'S: 250 *',
    'C: MAIL FROM:<a@client.example>',
    'S: 250 *',
    'C: RCPT TO:<b@x.example>',
    'S: 250 *',
    'C: DATA',
    'S: 354 *',
    'C: Hello',
    'C: .',
  ],
};

const FAILING: readonly (readonly [string, () => unknown])[] = [
  [
    'throws',
    () => {
      throw new Error('broken');
    },
  ],
  ['rejects', () => Promise.reject(new Error('broken'))],
  ['hangs', () => new Promise(() => {})],
  ['answers nonsense', () => 42],
];

for (const [what, handler] of FAILING) {
  test(`a plugin that ${what} at any hook is 451 to the client, a log line that names it, and the server goes on`, async () => {
    for (const hook of Object.keys(UNTIL) as SessionHook[]) {
      await using house = await openHouse({ plugins: [subject(hook, handler), accepts(), deliverMemory()] });
      const wait = what === 'hangs' ? ['T: 10s'] : [];
      for (let round = 0; round < 2; round++) {
        await house.talk([...UNTIL[hook], ...wait, 'S: 451 4.3.0 *'].join('\n'));
      }
      const failed = house.log.lines.filter(({ text }) => text === 'handler-failed');
      assert.deepEqual(
        failed.map(({ fields, level }) => [level, fields.plugin, fields.hook]),
        [
          ['error', 'subject', hook],
          ['error', 'subject', hook],
        ],
      );
    }
  });
}

test('with `rejectAt: rcpt` vetoes of on-connect and on-mail-from are held back until RCPT', async () => {
  for (const hook of ['on-connect', 'on-mail-from'] as const) {
    await using house = await openHouse({
      listeners: [{ name: 'mx', port: 0, host: '127.0.0.1', rejectAt: 'rcpt' }],
      plugins: [subject(hook, () => Verdict.reject('5.7.1', 'Not you', { reason: 'test.no' })), accepts()],
    });
    await house.talk([...UNTIL['on-rcpt'], 'S: 550 5.7.1 Not you', 'C: DATA', 'S: 554 *'].join('\n'));
    const recipients = house.events('verdict-given').map(({ recipient }) => recipient);
    assert.ok(recipients.includes('b@x.example'), 'the trace knows who was meant');
  }
});

test('a veto at MAIL that was held back is forgotten with its transaction', async () => {
  let asked = 0;
  const first = subject('on-mail-from', () =>
    asked++ === 0 ? Verdict.reject('5.7.1', 'Not you') : undefined,
  );
  await using house = await openHouse({
    listeners: [{ name: 'mx', port: 0, host: '127.0.0.1', rejectAt: 'rcpt' }],
    plugins: [first, accepts()],
  });
  const again = [
    'C: RSET',
    'S: 250 *',
    'C: MAIL FROM:<c@client.example>',
    'S: 250 *',
    'C: RCPT TO:<b@x.example>',
    'S: 250 *',
  ];
  await house.talk([...UNTIL['on-rcpt'], 'S: 550 *', ...again].join('\n'));
});

test('a client without a transaction is told 421 when the server stops, at once', async () => {
  const house = await openHouse({ plugins: [accepts()] });
  const client = house.connect();
  let heard = '';
  client.on('data', (bytes: Buffer) => {
    heard += bytes.toString();
  });
  await house.clock.advance(0);
  await house.stop();
  await house.clock.advance(0);
  assert.match(heard, /^220 .*\r\n421 4\.3\.2 .*\r\n$/);
});

test('a client in a transaction may end it before the server stops', async () => {
  const transport = deliverMemory();
  const house = await openHouse({ plugins: [accepts(), transport] });
  const client = house.connect();
  let heard = '';
  client.on('data', (bytes: Buffer) => {
    heard += bytes.toString();
  });
  client.write('HELO client.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nDATA\r\nHello\r\n');
  await house.clock.advance(0);
  const stopped = house.stop();
  await house.clock.advance(0);
  assert.doesNotMatch(heard, /421/);
  client.write('.\r\n');
  await stopped;
  await house.clock.advance(0);
  assert.match(heard, /250 2\.0\.0 Queued as \w+\r\n421 4\.3\.2 /);
});

test('a client that does not end its transaction is cut off at the deadline', async () => {
  const house = await openHouse({ plugins: [accepts()], deadlines: { drain: '30s' } });
  const client = house.connect();
  client.resume();
  client.write('HELO client.example\r\nMAIL FROM:<>\r\n');
  await house.clock.advance(0);
  let done = false;
  const stopped = house.stop().then(() => {
    done = true;
  });
  await house.clock.advance(29_000);
  assert.equal(done, false);
  await house.clock.advance(2_000);
  await stopped;
});

test('a client that sends without reading is not read on', async () => {
  await using house = await openHouse({
    plugins: [accepts()],
    limits: { unsentReplies: '4 KiB', commandsWithoutMail: 1_000_000 },
  });
  const client = house.connect();
  let taken = 0;
  const line = Buffer.from('NOOP\r\n'.repeat(1000));
  for (let sent = 0; sent < 200; sent++)
    client.write(line, () => {
      taken++;
    });
  await house.clock.advance(1);
  assert.ok(taken < 100, `${taken} of 200 writes were taken`);
  await cutOff(house);
});

test('input behind an open question is bounded', async () => {
  await using house = await openHouse({
    plugins: [subject('on-mail-from', () => new Promise(() => {})), accepts()],
  });
  const client = house.connect();
  client.resume();
  client.write('HELO client.example\r\nMAIL FROM:<>\r\n');
  let taken = 0;
  for (let sent = 0; sent < 100; sent++)
    client.write(Buffer.alloc(65_536, 'x'), () => {
      taken++;
    });
  await house.clock.advance(1);
  assert.ok(taken < 10, `${taken} of 100 writes were taken`);
  await cutOff(house);
});

test('more connections from one address than the limit are 421', async () => {
  await using house = await openHouse({ plugins: [accepts()], limits: { connectionsPerAddress: 2 } });
  house.connect();
  const second = house.connect();
  await house.talk('S: 421 4.7.0 *\nS: EOF');
  await house.talk('S: 220 *', { remoteAddress: '192.0.2.2' });
  second.destroy();
  await house.clock.advance(1);
  await house.talk('S: 220 *');
});

test('what is discarded by verdict has its 250 and is kept nowhere', async () => {
  const transport = deliverMemory();
  await using house = await openHouse({
    plugins: [subject('on-data', () => Verdict.discard('spam')), accepts(), transport],
  });
  await house.talk([...UNTIL['on-data'], 'S: 250 2.0.0 *'].join('\n'));
  assert.equal(house.events('message-queued').length, 0);
  assert.equal(house.events('message-discarded')[0]?.reason, 'spam');
});

test('edits are applied once, at the commit, and every other octet stays', async () => {
  const edits = definePlugin({
    name: 'edits',
    setup: () => ({
      hooks: {
        'on-data': ({ edits: list }) => {
          list.prependHeader('X-Top', 'yes');
          list.replaceHeader('Subject', 'new');
          list.removeHeader('X-Gone');
          list.rewriteBody(async function* (body) {
            for await (const bytes of body)
              yield Buffer.from(Buffer.from(bytes).toString('latin1').toUpperCase(), 'latin1');
          });
        },
      },
    }),
  });
  const transport = deliverMemory();
  await using house = await openHouse({ plugins: [edits(), accepts(), transport] });
  const message = [
    'C: Subject: old',
    'C: X-Gone: x',
    'C: x-Odd :  kept',
    'C:',
    'C: hello',
    'C: .',
    'S: 250 *',
  ];
  await house.talk([...UNTIL['on-data'].slice(0, -2), ...message].join('\n'));
  const [delivered] = await transport.delivered(1);
  assert.match(delivered?.content ?? '', /^X-Top: yes\r\nReceived: /);
  assert.ok(
    delivered?.content.endsWith('Subject: new\r\nx-Odd :  kept\r\n\r\nHELLO\r\n'),
    delivered?.content,
  );
});
