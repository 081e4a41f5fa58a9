// Addresses as counters need them: the network that an address belongs to, and whether it is this machine's own.

import { isIPv4, isIPv6 } from 'node:net';

/** How many leading bits name a network. */
export interface Prefixes {
  readonly ipv4Prefix: number;
  readonly ipv6Prefix: number;
}

/** One text for all addresses of a network; anything that is no IP address is a network of its own. */
export function networkOf(address: string, { ipv4Prefix, ipv6Prefix }: Prefixes): string {
  const plain = unmapped(address);
  if (isIPv4(plain)) return masked(plain.split('.').map(Number), 8, ipv4Prefix);
  if (isIPv6(plain)) return masked(groupsOf(plain), 16, ipv6Prefix);
  return plain;
}

/** Programs of this machine and proxies in front of the server share one address. */
export function isLoopback(address: string): boolean {
  const plain = unmapped(address);
  return plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'));
}

/** A dual-stack socket shows IPv4 clients as `::ffff:192.0.2.1` (RFC 4291 §2.5.5.2). */
export function unmapped(address: string): string {
  if (!address.startsWith('::ffff:')) return address;
  const plain = address.slice(7);
  return isIPv4(plain) ? plain : address;
}

/** RFC 4291 §2.2: eight groups, `::` for as many zeros as are missing, perhaps an IPv4 address or a zone at the end. */
function groupsOf(address: string): number[] {
  const text = address.replace(/%.*$/, '').replace(/\d+\.\d+\.\d+\.\d+$/, (dotted) => {
    const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [before = '', after] = text.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  if (after === undefined) return groups(before);
  const head = groups(before);
  const tail = groups(after);
  return [...head, ...new Array<number>(Math.max(0, 8 - head.length - tail.length)).fill(0), ...tail];
}

function masked(units: readonly number[], bits: number, prefix: number): string {
  const kept = units.map((unit, index) => {
    const left = Math.min(bits, Math.max(0, prefix - index * bits));
    return unit & ~((1 << (bits - left)) - 1);
  });
  return bits === 8
    ? `${kept.join('.')}/${prefix}`
    : `${kept.map((unit) => unit.toString(16)).join(':')}/${prefix}`;
}
