// Which messages are ours to sign: those of known clients. What strangers send in is never signed with our name.

import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { PosthouseError, type SessionView } from '@posthouse/core';
import type { Config } from './config.ts';

const MAPPED = /^::ffff:(?=\d+\.)/i;

export class Occasion {
  readonly #authenticated: boolean;
  readonly #listeners: ReadonlySet<string>;
  readonly #networks = new BlockList();

  /** Throws a PosthouseError `config-invalid` that names the entry which is no network. */
  constructor({ authenticated, networks, listeners }: Config['when']) {
    this.#authenticated = authenticated;
    this.#listeners = new Set(listeners);
    networks.forEach((entry, index) => {
      this.#add(entry, `when.networks[${index}]`);
    });
  }

  has({ user, listener, remoteAddress }: Pick<SessionView, 'user' | 'listener' | 'remoteAddress'>): boolean {
    if (this.#authenticated && user !== undefined) return true;
    if (this.#listeners.has(listener)) return true;
    // A dual-stack socket reports IPv4 clients as mapped (RFC 4291 §2.5.5.2), link-local ones with their interface.
    const address = remoteAddress.replace(MAPPED, '').replace(/%.*$/, '');
    if (isIPv4(address)) return this.#networks.check(address, 'ipv4');
    return isIPv6(address) && this.#networks.check(address, 'ipv6');
  }

  #add(entry: string, where: string): void {
    const [address = '', prefix, ...more] = entry.split('/');
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
    const bits = family === 'ipv4' ? 32 : 128;
    const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (family === undefined || more.length > 0 || !(length >= 0 && length <= bits)) {
      const text = `sign-dkim: ${where} "${entry}" is not an IP network; write it as 192.0.2.0/24 or 2001:db8::/32`;
      throw new PosthouseError('config-invalid', text);
    }
    this.#networks.addSubnet(address, length, family);
  }
}
