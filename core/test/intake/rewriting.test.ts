// A transform must hand out lines that end in CRLF (RFC 5321 §2.3.8), however it cuts them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin, Verdict } from '../../src/index.ts';
import { deliverMemory, openHouse } from '../../src/testing/index.ts';

const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});

function rewrites(name: string, ...pieces: readonly string[]) {
  return definePlugin({
    name,
    setup: () => ({
      hooks: {
        'on-data': ({ edits }) =>
          edits.rewriteBody(async function* () {
            for (const piece of pieces) yield Buffer.from(piece, 'latin1');
          }),
      },
    }),
  })();
}

const talk = (parameters: string, ...end: string[]): string =>
  [
    'S: 220 *',
    'C: EHLO client.example',
    'S: 250-*',
    'S: 250 *',
    `C: MAIL FROM:<ann@client.example>${parameters}`,
    'S: 250 *',
    'C: RCPT TO:<bob@house.example>',
    'S: 250 *',
    ...end,
  ].join('\n');
const DATA = ['C: DATA', 'S: 354 *', 'C: Subject: old', 'C:', 'C: hello', 'C: .'];

const ILLEGAL: readonly (readonly [what: string, ...pieces: string[]])[] = [
  ['a bare LF', 'a\n.\nMAIL FROM:<x@evil.example>\r\n'],
  ['a bare LF, cut', 'a', '\n', '.\r\n'],
  ['a bare CR', 'a\r.\r\n'],
  ['a bare CR at the end of a piece', 'a\r', 'b\r\n'],
  ['a bare CR at the very end', 'a\r\n', 'b\r'],
  ['a doubled CR', 'a\r\r\n.\r\n'],
];
for (const [what, ...pieces] of ILLEGAL) {
  test(`a transform that makes ${what} is 451, is named, and nothing is kept`, async () => {
    const plugins = [
      { use: rewrites('rewrites', ...pieces), onError: 'pass' as const },
      accepts(),
      deliverMemory(),
    ];
    await using house = await openHouse({ plugins });
    await house.talk(talk('', ...DATA, 'S: 451 4.3.0 *'));
    const [failed] = house.events('handler-failed');
    assert.deepEqual([failed?.plugin, failed?.problem], ['rewrites', 'illegal-answer']);
    assert.equal(house.events('message-queued').length, 0);
    assert.equal((await house.server.house.store.counts()).messages, 0);
  });
}

test('of two transforms the one that made the bare LF is named', async () => {
  const plugins = [rewrites('first', 'fine\r\n'), rewrites('second', 'a\nb\r\n'), accepts(), deliverMemory()];
  await using house = await openHouse({ plugins });
  await house.talk(talk('', ...DATA, 'S: 451 4.3.0 *'));
  assert.equal(house.events('handler-failed')[0]?.plugin, 'second');
});

test('a CRLF cut between two pieces is one', async () => {
  const transport = deliverMemory();
  await using house = await openHouse({
    plugins: [rewrites('rewrites', 'a\r', '\n.\r\nb'), accepts(), transport],
  });
  await house.talk(talk('', ...DATA, 'S: 250 *'));
  const [delivered] = await transport.delivered(1);
  assert.ok(delivered?.content.endsWith('\r\n\r\na\r\n.\r\nb'));
});

test('the body of a binary message may be rewritten with any octets', async () => {
  const transport = deliverMemory();
  await using house = await openHouse({
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, binaryMime: true }],
    plugins: [rewrites('rewrites', 'a\n.\n\0'), accepts(), transport],
  });
  await house.talk(talk(' BODY=BINARYMIME', 'C: BDAT 6 LAST', 'C> "A: b\\r\\n"', 'S: 250 *'));
  const [delivered] = await transport.delivered(1);
  assert.ok(delivered?.content.endsWith('A: b\r\n\r\na\n.\n\0'));
});
