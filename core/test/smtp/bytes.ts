// Bytes for the tests of this room: from text, to text, and cut in every way.

import fc from 'fast-check';

/** Text of characters up to U+00FF, one octet each. */
export function octets(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function text(...chunks: readonly Uint8Array[]): string {
  return chunks.map((chunk) => String.fromCharCode(...chunk)).join('');
}

/** Cuts the bytes into chunks of the given sizes, used again and again. */
export function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    chunks.push(bytes.slice(at, at + size));
    at += size;
  }
  return chunks;
}

export const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 });

/** Bytes made mostly of what matters to SMTP, so that its corners are met often. */
export function bytesOf(...pieces: readonly string[]): fc.Arbitrary<Uint8Array> {
  return fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((parts) => octets(parts.join('')));
}
