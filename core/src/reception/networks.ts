// Addresses as counters need them: the network that an address belongs to, and whether it is this machine's own.

import { isIPv4, isIPv6 } from 'node:net';

const DOT = 46;
const ZERO = 48;

/** How many leading bits name a network. */
export interface Prefixes {
  readonly ipv4Prefix: number;
  readonly ipv6Prefix: number;
}

/** One text for all addresses of a network; anything that is no IP address is a network of its own. */
export function networkOf(address: string, { ipv4Prefix, ipv6Prefix }: Prefixes): string {
  const plain = unmapped(address);
  if (isIPv4(plain)) return ipv4Network(plain, ipv4Prefix);
  if (isIPv6(plain)) return ipv6Network(groupsOf(plain), ipv6Prefix);
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

/** Without an array: limits and lists ask for it several times with each message. */
function ipv4Network(address: string, prefix: number): string {
  if (prefix >= 32) return `${address}/${prefix}`;
  let value = 0;
  let octet = 0;
  for (let index = 0; index < address.length; index++) {
    const code = address.charCodeAt(index);
    if (code === DOT) {
      value = (value << 8) | octet;
      octet = 0;
    } else octet = octet * 10 + code - ZERO;
  }
  // A shift by 32 shifts nothing.
  const network = prefix === 0 ? 0 : ((value << 8) | octet) & (-1 << (32 - prefix));
  return `${network >>> 24}.${(network >> 16) & 255}.${(network >> 8) & 255}.${network & 255}/${prefix}`;
}

function ipv6Network(groups: readonly number[], prefix: number): string {
  const kept = groups.map((group, index) => {
    const left = Math.min(16, Math.max(0, prefix - index * 16));
    return group & ~((1 << (16 - left)) - 1);
  });
  return `${kept.map((group) => group.toString(16)).join(':')}/${prefix}`;
}
