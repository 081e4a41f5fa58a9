// Header fields as DKIM hashes them (RFC 6376 §3.4.1, §3.4.2, §3.7). Pure.
// Octets are latin1 characters here, so that whatever a field holds is hashed as it is.

import type { Canonicalization } from './body-hash.ts';

/** A field as it is hashed. @param raw as it stands, folding and final CRLF included */
export function canonicalField(raw: string, canonicalization: Canonicalization): string {
  if (canonicalization === 'simple') return raw;
  const colon = raw.indexOf(':');
  const name = raw
    .slice(0, colon)
    .toLowerCase()
    .replace(/[ \t]+$/, '');
  const value = raw
    .slice(colon + 1)
    .replace(/\r\n/g, '')
    .replace(/[ \t]+/g, ' ');
  return `${name}:${value.replace(/^ | $/g, '')}\r\n`;
}

/**
 * What is signed: the fields, then the signature's own field with an empty `b=` and without its CRLF (§3.7).
 * @param own without the value of `b=` and without its CRLF
 */
export function signingInput(
  fields: readonly string[],
  own: string,
  canonicalization: Canonicalization,
): Buffer {
  let canonical = '';
  for (const raw of fields) canonical += canonicalField(raw, canonicalization);
  canonical += canonicalField(`${own}\r\n`, canonicalization).slice(0, -2);
  return Buffer.from(canonical, 'latin1');
}
