// The names that a text links to, as lists of links know them: registrable domains (RFC 5782 has no word for it; SURBL
// and URIBL do), and addresses backwards. Pure, but for the public suffix list, which comes with the library.

import { isIPv4 } from 'node:net';
import type { getDomain } from 'tldts';
import { reversed } from './question.ts';

export type RegistrableDomain = typeof getDomain;

// What follows a scheme up to the first octet that ends a host, with a user in front or not; and bare www names.
const LINK = /\b(?:https?|ftp):[/\\]{2}([^\s/\\?#"'<>]{1,500})|\b(www\.[^\s/\\?#"'<>:,;()[\]]{1,300})/gi;
const SUFFIXES = { allowPrivateDomains: true };

/** What is asked about: the names in the order in which they come, each once, at most so many. */
export function linkedNames(
  texts: Iterable<string>,
  registrable: RegistrableDomain,
  most: number,
): readonly string[] {
  const hosts = new Set<string>();
  const names = new Set<string>();
  for (const text of texts) {
    for (const [, authority, bare] of readable(text).matchAll(LINK)) {
      const written = (authority ?? bare ?? '').replace(/^.*@/, '').toLowerCase();
      if (hosts.has(written)) continue;
      // A message of nothing but hosts is not looked through to its end.
      if (hosts.size >= most * 20) return [...names];
      hosts.add(written);
      const name = nameOf(written, registrable);
      if (name !== undefined) names.add(name);
      if (names.size >= most) return [...names];
    }
  }
  return [...names];
}

function nameOf(written: string, registrable: RegistrableDomain): string | undefined {
  let host: string;
  try {
    // As browsers read it: IDNA, percent signs, addresses in any spelling.
    host = new URL(`http://${written.replace(/[.,;:!)\]]+$/, '')}/`).hostname.replace(/\.$/, '');
  } catch {
    return undefined;
  }
  if (isIPv4(host)) return reversed(host);
  if (host.startsWith('[')) return undefined;
  const domain = registrable(host, SUFFIXES);
  return domain === null || domain.length > 200 ? undefined : domain;
}

/** Octets as characters, without the NULs of UTF-16 and with the dots that HTML can hide. */
function readable(latin1: string): string {
  const text = Buffer.from(latin1.replaceAll('\0', ''), 'latin1').toString('utf8');
  return text.replace(/&#(?:x([0-9a-f]{1,6})|([0-9]{1,7}));?/gi, (all, hex?: string, decimal?: string) => {
    const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return point > 32 && point < 0x110000 && (point < 0xd800 || point > 0xdfff)
      ? String.fromCodePoint(point)
      : all;
  });
}
