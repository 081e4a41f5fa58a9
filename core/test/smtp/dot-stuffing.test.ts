import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bodyFault, DotDecoder, DotEncoder, LineEndNormaliser } from '../../src/smtp/index.ts';
import { bytesOf, cut, octets, sizes, text } from './bytes.ts';

interface Decoded {
  readonly body: string;
  /** What follows the end of data, or undefined when there was none. */
  readonly rest: string | undefined;
  readonly found: object;
}

function decode(chunks: readonly Uint8Array[]): Decoded {
  const decoder = new DotDecoder();
  let body = '';
  for (const [index, chunk] of chunks.entries()) {
    const before = text(chunk);
    const result = decoder.receive(chunk);
    body += text(result.body);
    assert.equal(text(chunk), before, 'the input is not written to');
    if (result.end !== -1) {
      return {
        body,
        rest: text(chunk.subarray(result.end), ...chunks.slice(index + 1)),
        found: { ...decoder.found },
      };
    }
  }
  return { body, rest: undefined, found: { ...decoder.found } };
}

const wire = bytesOf(
  '\r',
  '\n',
  '\r\n',
  '.',
  '..',
  '\r\n.',
  '\r\n.\r',
  'a',
  'line of text\r\n',
  '\0',
  '\xff',
  '\xc3\x8a',
  'abcdefgh',
);

/** The meaning of RFC 5321 §4.5.2, said once more without any care for speed. */
function decodeByLines(bytes: Uint8Array): { body: string; rest: string | undefined } {
  const lines = text(bytes).split('\r\n');
  const end = lines.slice(0, -1).indexOf('.');
  const unstuffed = (line: string): string => (line.startsWith('.') ? line.slice(1) : line);
  if (end !== -1) {
    const body = lines
      .slice(0, end)
      .map((line) => `${unstuffed(line)}\r\n`)
      .join('');
    return { body, rest: lines.slice(end + 1).join('\r\n') };
  }
  const held = lines.at(-1) === '.' || lines.at(-1) === '.\r';
  const body = lines.map(unstuffed).join('\r\n');
  return { body: held && body.endsWith('\r') ? body.slice(0, -1) : body, rest: undefined };
}

test('the body is what stands before CRLF.CRLF, without its stuffed dots', () => {
  for (const [sent, body, rest] of [
    ['.\r\n', '', ''],
    ['a\r\n.\r\nQUIT\r\n', 'a\r\n', 'QUIT\r\n'],
    ['..\r\n.\r\n', '.\r\n', ''],
    ['.a\r\n..b\r\n...\r\n.\r\n', 'a\r\n.b\r\n..\r\n', ''],
    ['\r\n.\r\n', '\r\n', ''],
    ['a.\r\n.\r\n', 'a.\r\n', ''],
    // None of these is an end of data.
    ['a\n.\n', 'a\n.\n', undefined],
    ['a\r.\r', 'a\r.\r', undefined],
    ['a\n.\r\n', 'a\n.\r\n', undefined],
    ['a\r\n.\n', 'a\r\n\n', undefined],
    ['a\r\n.\r.\r\n', 'a\r\n\r.\r\n', undefined],
    ['a\r\n.\r\r\n', 'a\r\n\r\r\n', undefined],
    ['a\r.\r\n', 'a\r.\r\n', undefined],
    // What may yet be an end of data is held back.
    ['a\r\n.', 'a\r\n', undefined],
    ['a\r\n.\r', 'a\r\n', undefined],
  ] as const) {
    for (const size of [1, 2, 3, 100]) {
      const decoded = decode(cut(octets(sent), [size]));
      assert.deepEqual([decoded.body, decoded.rest], [body, rest], `${JSON.stringify(sent)} by ${size}`);
    }
  }
});

test('what a body should not have is found, wherever it stands', () => {
  const clean = { bareLf: false, bareCr: false, nul: false, eightBit: false };
  for (const [sent, found] of [
    ['abc\r\n.\r\n', { ...clean, longestLine: 5 }],
    ['..bc\r\n.\r\n', { ...clean, longestLine: 5 }],
    ['a\nb\r\n.\r\n', { ...clean, bareLf: true, longestLine: 5 }],
    ['a\rb\r\n.\r\n', { ...clean, bareCr: true, longestLine: 5 }],
    ['abc\0\r\n.\r\n', { ...clean, nul: true, longestLine: 6 }],
    ['abcdefg\xe9hijk\r\n.\r\n', { ...clean, eightBit: true, longestLine: 14 }],
    ['\xe9\r\n.\r\n', { ...clean, eightBit: true, longestLine: 3 }],
    ['\r\n.\r\n\n\xe9\0', { ...clean, longestLine: 2 }],
    ['.\n\r\n.\r\n', { ...clean, bareLf: true, longestLine: 3 }],
    ['\r\r\n.\r\n', { ...clean, bareCr: true, longestLine: 3 }],
  ] as const) {
    for (const size of [1, 2, 3, 100]) {
      assert.deepEqual(decode(cut(octets(sent), [size])).found, found, `${JSON.stringify(sent)} by ${size}`);
    }
  }
});

test('bytes are handed through uncopied when nothing is taken out', () => {
  const bytes = octets('a line\r\nand another\r\n');
  assert.equal(new DotDecoder().receive(bytes).body, bytes);
  const ended = octets('a line\r\n.\r\n');
  assert.equal(new DotDecoder().receive(ended).body.buffer, ended.buffer);
  const encoder = new DotEncoder();
  assert.equal(encoder.encode(bytes), bytes);
});

test('after the end of data a decoder takes nothing more', () => {
  const decoder = new DotDecoder();
  decoder.receive(octets('.\r\n'));
  const { body, end } = decoder.receive(octets('QUIT\r\n'));
  assert.deepEqual([body.length, end], [0, 0]);
});

test('however the bytes are cut, body, end and findings are the same', () => {
  fc.assert(
    fc.property(wire, sizes, (bytes, cuts) => {
      const whole = decode([bytes]);
      assert.deepEqual(decode(cut(bytes, cuts)), whole);
      assert.deepEqual({ body: whole.body, rest: whole.rest }, decodeByLines(bytes));
    }),
    { numRuns: 5000 },
  );
});

test('the findings are those of a plain search', () => {
  fc.assert(
    fc.property(wire, (bytes) => {
      const sent = `${text(bytes).replaceAll('\r\n.', '\r\n')}\r\n`.replace(/^\.+/, '');
      fc.pre(!sent.includes('\r\n.') && !sent.startsWith('.'));
      const { found } = decode([octets(sent)]);
      assert.deepEqual(found, {
        bareLf: /(?<!\r)\n/.test(sent),
        bareCr: /\r(?!\n)/.test(sent),
        nul: sent.includes('\0'),
        eightBit: /[^\0-\x7f]/.test(sent),
        longestLine: Math.max(
          ...sent
            .split('\r\n')
            .slice(0, -1)
            .map((line) => line.length + 2),
        ),
      });
    }),
    { numRuns: 2000 },
  );
});

function encode(chunks: readonly Uint8Array[]): { readonly wire: string; readonly unsafe: boolean } {
  const encoder = new DotEncoder();
  const parts = chunks.map((chunk) => text(encoder.encode(chunk)));
  return { wire: parts.join('') + text(encoder.finish()), unsafe: encoder.unsafe };
}

test('dots at the beginning of lines are doubled, and the end of data follows a CRLF', () => {
  for (const [body, expected] of [
    ['', '.\r\n'],
    ['a\r\n', 'a\r\n.\r\n'],
    ['a', 'a\r\n.\r\n'],
    ['.\r\n', '..\r\n.\r\n'],
    ['.a\r\n..\r\nb.c\r\n', '..a\r\n...\r\nb.c\r\n.\r\n'],
    ['\r\n.', '\r\n..\r\n.\r\n'],
  ] as const) {
    for (const size of [1, 2, 100]) {
      assert.deepEqual(
        encode(cut(octets(body), [size])),
        { wire: expected, unsafe: false },
        `${JSON.stringify(body)} by ${size}`,
      );
    }
  }
});

// RFC 5321 §2.3.8
test('a body with a bare CR or LF or a NUL is unsafe to send', () => {
  for (const body of [
    'a\n',
    '\n',
    'a\n.\nb',
    'a\r',
    'a\rb',
    '\r\r\n',
    'a\r\n\n',
    'a\r.\r\n',
    '\0.\r\n',
    'a\0',
  ]) {
    for (const size of [1, 2, 100])
      assert.equal(encode(cut(octets(body), [size])).unsafe, true, JSON.stringify(body));
  }
});

test('a decoded encoding is the body, with a CRLF at its end', () => {
  fc.assert(
    fc.property(wire, sizes, sizes, (bytes, cuts, otherCuts) => {
      const body = text(bytes);
      const encoded = encode(cut(bytes, cuts));
      assert.deepEqual(encoded, encode([bytes]));
      assert.equal(encoded.unsafe, /(?<!\r)\n|\r(?!\n)|\0/.test(body));
      const decoded = decode(cut(octets(encoded.wire), otherCuts));
      assert.equal(decoded.body, body === '' || body.endsWith('\r\n') ? body : `${body}\r\n`);
      assert.equal(decoded.rest, '');
    }),
    { numRuns: 2000 },
  );
});

test('normalising makes every line end CRLF, however the bytes are cut', () => {
  fc.assert(
    fc.property(wire, sizes, (bytes, cuts) => {
      const normaliser = new LineEndNormaliser();
      const chunks = cut(bytes, cuts).map((chunk) => normaliser.receive(chunk));
      assert.equal(text(...chunks), text(bytes).replaceAll(/\r\n|\r|\n/g, '\r\n'));
    }),
    { numRuns: 2000 },
  );
  const clean = octets('a\r\nb\r\n');
  assert.equal(new LineEndNormaliser().receive(clean), clean);
});

test('a policy refuses what it names and lets the rest be', () => {
  const found = { bareLf: true, bareCr: true, nul: true, eightBit: true, longestLine: 5000 };
  assert.equal(bodyFault(found, { bareLf: 'normalise', bareCr: 'normalise', nul: 'accept' }), undefined);
  assert.match(
    bodyFault(found, { bareLf: 'refuse', bareCr: 'refuse', nul: 'refuse' })?.text ?? '',
    /bare LF/,
  );
  assert.match(
    bodyFault(found, { bareLf: 'normalise', bareCr: 'refuse', nul: 'refuse' })?.text ?? '',
    /bare CR/,
  );
  assert.match(
    bodyFault(found, { bareLf: 'normalise', bareCr: 'normalise', nul: 'refuse' })?.text ?? '',
    /NUL/,
  );
});
