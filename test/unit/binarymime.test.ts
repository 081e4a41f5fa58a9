// Binary messages from one Posthouse to the next (RFC 3030): every octet arrives, or the sender hears why not.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { definePlugin, Verdict } from '@posthouse/core';
import { deliverMemory, type OpenHouse, openHouse } from '@posthouse/core/testing';
import deliverSmtp from '@posthouse/deliver-smtp';

const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});

const HEADER = 'Subject: binary\r\nContent-Transfer-Encoding: binary\r\n';
const EVERY_OCTET = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet)).toString('latin1');
const BODIES: readonly (readonly [name: string, content: string])[] = [
  ['every octet', `${HEADER}\r\n${EVERY_OCTET}`],
  ['no line end at its end', `${HEADER}\r\nx`],
  ['a CR at its end', `${HEADER}\r\nx\r`],
  ['an LF at its end', `${HEADER}\r\nx\n`],
  ['half an end of data at its end', `${HEADER}\r\nx\r\n.\r`],
  ['a whole end of data', `${HEADER}\r\nx\r\n.\r\nQUIT\r\n..\r\n.\r\n`],
  ['NULs alone', `${HEADER}\r\n${'\0'.repeat(100)}`],
  ['no body', `${HEADER}\r\n`],
  ['no header', `\r\n${EVERY_OCTET}`],
  ['no end of its header section', HEADER],
  ['no octets at all', ''],
  ['half a megabyte', `${HEADER}\r\n${EVERY_OCTET.repeat(2048)}\r\n.\n`],
];

/** Hands in a message, in chunks of that size. */
async function handIn(house: OpenHouse, content: string, chunk: number): Promise<string> {
  const stream = house.connect();
  let heard = '';
  stream.on('data', (bytes: Buffer) => {
    heard += bytes.toString('latin1');
  });
  stream.write('EHLO client.example\r\nMAIL FROM:<a@near.example> BODY=BINARYMIME\r\n');
  stream.write('RCPT TO:<b@far.example>\r\n');
  for (let at = 0; at < content.length; at += chunk) {
    const piece = content.slice(at, at + chunk);
    stream.write(Buffer.from(`BDAT ${piece.length}\r\n${piece}`, 'latin1'));
  }
  stream.end('BDAT 0 LAST\r\nQUIT\r\n');
  await once(stream, 'end');
  stream.destroy();
  return heard;
}

/** A house that takes binary messages, the next one, and how mail goes from one to the other. */
async function twoHouses(binaryMime: boolean, windowBytes = 1_000_000) {
  const arrived = deliverMemory();
  const far = await openHouse({
    hostname: 'far.example',
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, binaryMime }],
    plugins: [accepts(), arrived],
  });
  const returned = deliverMemory({
    claim: ({ domain }) => (domain === 'near.example' ? domain : undefined),
  });
  const port = far.server.addresses[0]?.port;
  const near = await openHouse({
    hostname: 'near.example',
    delivery: { windowBytes },
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, binaryMime: true }],
    plugins: [accepts(), returned, deliverSmtp({ smarthost: `[127.0.0.1]:${port}`, tls: 'none' })],
  });
  return { far, near, arrived, returned };
}

for (const [where, windowBytes] of [
  ['from memory', 1_000_000],
  ['from the store', 1],
] as const) {
  test(`${where} a binary message goes to the next house octet for octet, whatever its end`, async () => {
    const { far, near, arrived } = await twoHouses(true, windowBytes);
    await using _far = far;
    await using _near = near;
    for (const [index, [name, content]] of BODIES.entries()) {
      assert.match(await handIn(near, content, 65_521), /^250 2\.0\.0 Queued/m, name);
      const message = (await arrived.delivered(index + 1))[index];
      // RFC 5321 §4.4: each house puts a Received field on top.
      const trace = /^(?:Received: .*?\r\n(?![ \t])){2}/s.exec(message?.content ?? '')?.[0] ?? '';
      assert.ok(trace !== '' || content === '', name);
      assert.ok(message?.content.slice(trace.length) === content, name);
    }
    assert.equal(near.events('notice-queued').length, 0);
  });
}

test('to a hop that does not offer BINARYMIME nothing is sent or converted, and the sender hears 5.6.3', async () => {
  const { far, near, arrived, returned } = await twoHouses(false);
  await using _far = far;
  await using _near = near;
  assert.match(await handIn(near, `${HEADER}\r\n${EVERY_OCTET}`, 100), /^250 2\.0\.0 Queued/m);
  const [bounce] = await returned.delivered(1);
  assert.deepEqual([bounce?.sender, bounce?.recipients], ['', ['a@near.example']]);
  assert.match(bounce?.content ?? '', /^Status: 5\.6\.3$/m);
  assert.match(bounce?.content ?? '', /^Diagnostic-Code: x-posthouse; .*BINARYMIME/m);
  assert.ok(bounce?.content.includes(`\r\n${HEADER}`));
  assert.ok(!bounce?.content.includes('\0'));
  assert.equal(arrived.messages.length, 0);
  assert.equal(far.events('message-queued').length, 0);
});
