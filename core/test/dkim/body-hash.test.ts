import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { BodyHash, type Canonicalization } from '../../src/dkim/body-hash.ts';

function hashOf(canonicalization: Canonicalization, ...chunks: readonly (string | Uint8Array)[]): string {
  const hash = new BodyHash(canonicalization);
  for (const chunk of chunks) hash.update(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk);
  return hash.digest();
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('base64');
}

/** The sentences of RFC 6376 §3.4.3 and §3.4.4, one after the other, for a whole body. */
function canonical(canonicalization: Canonicalization, body: string): string {
  let text = body;
  if (canonicalization === 'relaxed') {
    text = text
      .split('\r\n')
      .map((line) => line.replace(/[ \t]+$/, '').replace(/[ \t]+/g, ' '))
      .join('\r\n');
  }
  text = text.replace(/(?:\r\n)+$/, '');
  return text === '' && canonicalization === 'relaxed' ? '' : `${text}\r\n`;
}

const table: readonly (readonly [what: string, body: string, simple: string, relaxed: string])[] = [
  ['the example of RFC 6376 §3.4.5', ' C \r\nD \t E\r\n\r\n\r\n', ' C \r\nD \t E\r\n', ' C\r\nD E\r\n'],
  ['an empty body', '', '\r\n', ''],
  ['a body of empty lines', '\r\n\r\n\r\n', '\r\n', ''],
  ['a body of white space', ' \t\r\n \r\n', ' \t\r\n \r\n', ''],
  ['no line end at the end', 'a', 'a\r\n', 'a\r\n'],
  ['white space without a line end', 'a \t', 'a \t\r\n', 'a\r\n'],
  ['empty lines in the middle stay', 'a\r\n\r\n\r\nb\r\n', 'a\r\n\r\n\r\nb\r\n', 'a\r\n\r\n\r\nb\r\n'],
  ['white space at the beginning of a line', '\ta\r\n', '\ta\r\n', ' a\r\n'],
  ['a line of white space before text', 'a\r\n \t \r\nb\r\n', 'a\r\n \t \r\nb\r\n', 'a\r\n\r\nb\r\n'],
  ['a bare CR is no line end', 'a\rb \r\n', 'a\rb \r\n', 'a\rb\r\n'],
  ['a bare LF is no line end', 'a \nb\r\n', 'a \nb\r\n', 'a \nb\r\n'],
  ['CR at the very end', 'a\r\n\r', 'a\r\n\r\r\n', 'a\r\n\r\r\n'],
  ['CR before CRLF', 'a\r\r\n', 'a\r\r\n', 'a\r\r\n'],
  ['octets beyond ASCII', '\xc3\xa4 \xff\x00\r\n', '\xc3\xa4 \xff\x00\r\n', '\xc3\xa4 \xff\x00\r\n'],
];
for (const [what, body, simple, relaxed] of table) {
  test(`canonicalized: ${what}`, () => {
    assert.equal(hashOf('simple', body), sha256(simple));
    assert.equal(hashOf('relaxed', body), sha256(relaxed));
  });
}

test('the hashes of the empty body are those that RFC 6376 prints', () => {
  assert.equal(hashOf('simple'), 'frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=');
  assert.equal(hashOf('relaxed'), '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=');
});

test('more line ends than a block holds', () => {
  const body = `a${'\r\n'.repeat(40_000)}b${' '.repeat(40_000)}\r\n`;
  assert.equal(hashOf('simple', body), sha256(body));
  assert.equal(hashOf('relaxed', body), sha256(`a${'\r\n'.repeat(40_000)}b\r\n`));
});

const octets = fc
  .array(fc.constantFrom('\r\n', '\r', '\n', ' ', '\t', '.', 'a', '\xe4', 'word word'), { maxLength: 60 })
  .map((parts) => parts.join(''));

test('the hash is that of the canonical body, however the octets are cut', () => {
  fc.assert(
    fc.property(
      octets,
      fc.array(fc.nat(80), { maxLength: 8 }),
      fc.constantFrom<Canonicalization>('simple', 'relaxed'),
      (body, cuts, canonicalization) => {
        const chunks: string[] = [];
        let from = 0;
        for (const cut of cuts.toSorted((a, b) => a - b)) {
          chunks.push(body.slice(from, cut));
          from = Math.max(from, Math.min(cut, body.length));
        }
        chunks.push(body.slice(from));
        assert.equal(hashOf(canonicalization, ...chunks), sha256(canonical(canonicalization, body)));
      },
    ),
    { numRuns: 1000 },
  );
});

test('`l=` hashes so many octets of the canonical body', () => {
  fc.assert(
    fc.property(
      octets,
      fc.nat(40),
      fc.constantFrom<Canonicalization>('simple', 'relaxed'),
      (body, limit, canonicalization) => {
        const hash = new BodyHash(canonicalization, limit);
        hash.update(Buffer.from(body, 'latin1'));
        assert.equal(hash.digest(), sha256(canonical(canonicalization, body).slice(0, limit)));
      },
    ),
  );
});
