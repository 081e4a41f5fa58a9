import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineEndShortener } from '../src/line-ends.ts';

function shortened(chunks: readonly Uint8Array[]): string {
  const shortener = new LineEndShortener();
  return Buffer.concat([
    ...chunks.flatMap((chunk) => shortener.convert(chunk)),
    ...shortener.finish(),
  ]).toString('latin1');
}

test('only CR before LF goes, wherever the chunks are cut', () => {
  const text = fc
    .array(fc.constantFrom('\r', '\n', '\r\n', 'a', '.'), { maxLength: 20 })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 6 }), (parts) => {
      assert.equal(
        shortened(parts.map((part) => Buffer.from(part))),
        parts.join('').replaceAll('\r\n', '\n'),
      );
    }),
  );
});
