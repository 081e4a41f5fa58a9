// The names that lists are asked for (RFC 5782 §2.1 and §2.4, §3). Pure.

import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { unmapped } from '@posthouse/core';

/** An address backwards: `1.2.0.192`, or the 32 nibbles of IPv6. Undefined for what is no address. */
export function reversed(address: string): string | undefined {
  const plain = unmapped(address.replace(/%.*$/, ''));
  if (isIPv4(plain)) return plain.split('.').reverse().join('.');
  if (!isIPv6(plain)) return undefined;
  // The URL parser writes an IPv4 tail as groups and compresses in one known way.
  const [head = '', tail] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...new Array<string>(zeros).fill('0'), ...after];
  return [...groups.map((group) => group.padStart(4, '0')).join('')].reverse().join('.');
}

/** A domain as lists of domains know it; undefined for what cannot be listed: an address, a name without a dot. */
export function listedDomain(name: string | undefined): string | undefined {
  if (name === undefined || name.startsWith('[') || isIPv4(name)) return undefined;
  const ascii = domainToASCII(name.replace(/\.$/, '')).toLowerCase();
  return ascii.includes('.') && ascii.length <= 200 && !isIPv4(ascii) ? ascii : undefined;
}
