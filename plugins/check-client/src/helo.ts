// What is wrong with the name that a client gives itself, as far as no DNS is needed (RFC 5321 §4.1.1.1 and §4.1.3). Pure.

import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { parseMailbox, unmapped } from '@posthouse/core';

export type HeloFault = 'invalidHelo' | 'unqualifiedHelo' | 'ownHelo' | 'foreignLiteral';

export interface Whose {
  readonly remoteAddress: string;
  readonly localAddress: string;
  /** In small letters, ASCII. */
  readonly ownNames: ReadonlySet<string>;
}

/** Undefined when nothing is wrong. */
export function heloFault(helo: string, whose: Whose): HeloFault | undefined {
  const name = plain(helo);
  if (isIP(name) !== 0) return sameAddress(name, whose.localAddress) ? 'ownHelo' : 'invalidHelo';
  const literal = literalOf(name);
  if (literal !== undefined) {
    if (sameAddress(literal, whose.remoteAddress)) return undefined;
    return sameAddress(literal, whose.localAddress) ? 'ownHelo' : 'foreignLiteral';
  }
  if (!isHostName(name)) return 'invalidHelo';
  if (whose.ownNames.has(name)) return 'ownHelo';
  return name.includes('.') ? undefined : 'unqualifiedHelo';
}

/** The name as DNS knows it; undefined for address literals and for what is no name. */
export function hostNameOf(helo: string): string | undefined {
  const name = plain(helo);
  return isIP(name) === 0 && isHostName(name) ? name : undefined;
}

export function plain(name: string): string {
  const lower = name.toLowerCase().replace(/\.$/, '');
  return /^[\x21-\x7e]*$/.test(lower) ? lower : domainToASCII(lower);
}

export function sameAddress(a: string, b: string): boolean {
  return canonical(a) === canonical(b);
}

/** IPv6 has many spellings; the URL parser knows one. */
function canonical(address: string): string {
  const plainAddress = unmapped(address.toLowerCase().replace(/%.*$/, ''));
  return isIP(plainAddress) === 6 ? new URL(`http://[${plainAddress}]`).hostname : plainAddress;
}

function literalOf(name: string): string | undefined {
  const inner = /^\[(?:ipv6:)?(.*)\]$/.exec(name)?.[1];
  return inner !== undefined && isIP(inner) !== 0 ? inner : undefined;
}

/** Real hosts have underscores in their names; nothing else beyond the grammar is forgiven. */
function isHostName(name: string): boolean {
  return parseMailbox(`a@${name.replace(/_/g, '-a')}`) !== undefined && !name.startsWith('[');
}
