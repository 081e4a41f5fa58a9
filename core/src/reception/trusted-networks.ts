// The networks that a configuration trusts: read from their CIDR spelling once, asked with addresses as sockets spell them.

import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { PosthouseError } from '../contract/index.ts';

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** Networks that no stranger speaks from: loopback, private (RFC 1918, RFC 4193) and link-local IPv6 (RFC 4291 §2.5.6). */
export const LOCAL_NETWORKS: readonly string[] = [
  '127.0.0.0/8',
  '::1',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fc00::/7',
  'fe80::/10',
];

/** Addresses whose answer is kept: several plugins ask of each message, and the list takes microseconds. */
const ROOM = 2000;

export class TrustedNetworks {
  readonly #networks = new BlockList();
  readonly #asked = new Map<string, boolean>();

  /**
   * Throws a PosthouseError `config-invalid` that names the entry which is no network.
   * @param key the name of the list in the configuration
   */
  constructor(entries: readonly string[], key = 'networks') {
    for (const [index, entry] of entries.entries()) this.#add(entry, `${key}[${index}]`);
  }

  /** An IPv4-mapped IPv6 address, as dual-stack sockets report IPv4 clients, counts as the IPv4 address (RFC 4291 §2.5.5.2). */
  has(address: string): boolean {
    const known = this.#asked.get(address);
    if (known !== undefined) return known;
    const found = this.#find(address);
    if (this.#asked.size >= ROOM) this.#asked.clear();
    this.#asked.set(address, found);
    return found;
  }

  #find(address: string): boolean {
    const plain = MAPPED.exec(address)?.[1] ?? withoutZone(address);
    if (isIPv4(plain)) return this.#networks.check(plain, 'ipv4');
    return isIPv6(plain) && this.#networks.check(plain, 'ipv6');
  }

  #add(entry: string, where: string): void {
    const refuse = (why: string) => new PosthouseError('config-invalid', `${where} "${entry}" ${why}`);
    const [written = '', prefixText, ...more] = entry.split('/');
    const mapped = MAPPED.exec(written)?.[1];
    const address = mapped ?? written;
    const version = isIPv4(address) ? 4 : isIPv6(address) && !address.includes('%') ? 6 : undefined;
    if (version === undefined || more.length > 0) {
      throw refuse('is not an IP network; write it as 192.0.2.0/24, 2001:db8::/32 or a single address');
    }
    const bits = version === 4 ? 32 : 128;
    let prefix = bits;
    if (prefixText !== undefined) {
      // The prefix of a mapped address counts the 96 bits before the IPv4 address.
      prefix = /^\d{1,3}$/.test(prefixText)
        ? Number(prefixText) - (mapped === undefined ? 0 : 96)
        : Number.NaN;
      if (!(prefix >= 0 && prefix <= bits))
        throw refuse(`has no prefix length between 0 and ${bits} behind the "/"`);
    }
    if (prefix === 0) throw refuse('is the whole Internet: this would be an open relay');
    this.#networks.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6');
  }
}

/** Link-local addresses come with the interface they came in by: `fe80::1%eth0`. */
function withoutZone(address: string): string {
  const percent = address.indexOf('%');
  return percent === -1 ? address : address.slice(0, percent);
}
