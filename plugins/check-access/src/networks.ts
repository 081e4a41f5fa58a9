// Networks with their actions, found in a few look-ups however many there are. The first in the file that has the
// address decides, as in Postfix's cidr_table(5).

import { isIP } from 'node:net';
import { networkOf, unmapped } from '@posthouse/core';
import type { Action } from './action.ts';

interface Entry {
  readonly order: number;
  readonly action: Action;
}

export class Networks {
  /** By version and prefix length: the networks of that length. */
  readonly #lengths = new Map<string, { readonly prefix: number; readonly entries: Map<string, Entry> }>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns what is wrong with the network */
  add(text: string, action: Action): string | undefined {
    const [written = '', prefixText, ...more] = text.replace(/^\[(.*)\]/, '$1').split('/');
    const address = unmapped(written.toLowerCase());
    const version = isIP(address);
    const bits = version === 4 ? 32 : 128;
    const prefix = prefixText === undefined ? bits : /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : -1;
    if (version === 0 || more.length > 0 || prefix < 0 || prefix > bits)
      return `"${text}" is not a network; write it as 192.0.2.0/24, 2001:db8::/32 or a single address`;
    const length = `${version}/${prefix}`;
    let of = this.#lengths.get(length);
    if (of === undefined) {
      of = { prefix, entries: new Map() };
      this.#lengths.set(length, of);
    }
    const key = networkOf(address, { ipv4Prefix: prefix, ipv6Prefix: prefix });
    if (!of.entries.has(key)) of.entries.set(key, { order: this.#size++, action });
    return undefined;
  }

  find(address: string): Action | undefined {
    if (this.#size === 0) return undefined;
    const plain = unmapped(address.replace(/%.*$/, ''));
    const version = isIP(plain);
    let best: Entry | undefined;
    for (const [length, { prefix, entries }] of this.#lengths) {
      if (!length.startsWith(`${version}/`)) continue;
      const entry = entries.get(networkOf(plain, { ipv4Prefix: prefix, ipv6Prefix: prefix }));
      if (entry !== undefined && (best === undefined || entry.order < best.order)) best = entry;
    }
    return best?.action;
  }
}
