import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chunkSize, type OutgoingMessage, outgoingMessage } from '../../src/client/outgoing-message.ts';
import type { StoredMessage } from '../../src/contract/index.ts';

function stored(
  text: string,
  cuts: readonly number[],
  inMemory: boolean,
  parameters: StoredMessage['parameters'] = { smtputf8: true },
): StoredMessage {
  const bytes = Buffer.from(text, 'latin1');
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  );
  const chunks = places.slice(1).map((place, index) => new Uint8Array(bytes.subarray(places[index], place)));
  const open = async function* (): AsyncIterable<Uint8Array> {
    yield* chunks;
  };
  return {
    parameters,
    inMemory: inMemory ? chunks : undefined,
    open,
  } as unknown as StoredMessage;
}

const rows: readonly (readonly [
  string,
  string,
  Omit<OutgoingMessage, 'encoded' | 'octets' | 'binary' | 'unended'>,
])[] = [
  ['plain', 'Subject: a\r\n\r\nb\r\n', { eightBit: false, eightBitHeader: false, unsafe: false }],
  [
    'eight bits in the body',
    'Subject: a\r\n\r\n\xe9\r\n',
    { eightBit: true, eightBitHeader: false, unsafe: false },
  ],
  [
    'eight bits in the header',
    'Subject: \xe9\r\n\r\nb\r\n',
    { eightBit: true, eightBitHeader: true, unsafe: false },
  ],
  [
    'eight bits right before the body',
    'S: \xe9\r\n\r\n',
    { eightBit: true, eightBitHeader: true, unsafe: false },
  ],
  ['a header without an end', 'S: \xe9', { eightBit: true, eightBitHeader: true, unsafe: false }],
  ['an empty message', '', { eightBit: false, eightBitHeader: false, unsafe: false }],
  ['a bare LF', 'S: a\r\n\r\n\n', { eightBit: false, eightBitHeader: false, unsafe: true }],
  ['a bare CR', 'S: a\r\n\r\na\rb\r\n', { eightBit: false, eightBitHeader: false, unsafe: true }],
  ['a NUL', 'S: a\r\n\r\n\0\r\n', { eightBit: false, eightBitHeader: false, unsafe: true }],
  ['a CR at the end', 'S: a\r\n\r\na\r', { eightBit: false, eightBitHeader: false, unsafe: true }],
];
for (const [name, text, expected] of rows) {
  test(`${name} is seen however the message is cut`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat()), fc.boolean(), async (cuts, inMemory) => {
        const { encoded, octets, binary, unended, ...facts } = await outgoingMessage(
          stored(text, cuts, inMemory),
        );
        assert.equal(binary, false);
        assert.deepEqual(facts, expected);
        assert.equal(encoded !== undefined, inMemory);
        assert.equal(octets !== undefined, inMemory);
        if (!facts.unsafe) assert.equal(unended, text !== '' && !text.endsWith('\r\n'));
      }),
    );
  });
}

// RFC 3030 §3
test('a binary message is neither stuffed nor unsafe, and has no end of data', async () => {
  const content = 'S: a\r\n\r\n.\r\n\0\n\r.';
  for (const inMemory of [true, false]) {
    const outgoing = await outgoingMessage(stored(content, [6, 9], inMemory, { body: 'BINARYMIME' }));
    assert.equal(outgoing.binary, true);
    assert.equal(outgoing.unsafe, false);
    assert.equal(chunkSize(outgoing, { size: content.length }), content.length);
    assert.equal(outgoing.encoded, undefined);
    if (inMemory) assert.equal(Buffer.concat(outgoing.octets ?? []).toString('latin1'), content);
  }
});
