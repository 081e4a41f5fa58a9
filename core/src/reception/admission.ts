// Who may connect: open connections in all and per address. Counting only; the listener says no.

import { isIP } from 'node:net';
import type { Limits } from '../contract/index.ts';

export class Admission {
  readonly #limits: Limits;
  readonly #perAddress = new Map<string, number>();
  #total = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get total(): number {
    return this.#total;
  }

  /** Counts the connection in, or says why not. Whoever was let in is let out again with `leave`. */
  enter(address: string): 'too-many' | 'too-many-from-address' | undefined {
    if (this.#total >= this.#limits.connections) return 'too-many';
    const fromAddress = this.#perAddress.get(address) ?? 0;
    if (fromAddress >= this.#limits.connectionsPerAddress && !isLoopback(address))
      return 'too-many-from-address';
    this.#total += 1;
    this.#perAddress.set(address, fromAddress + 1);
    return undefined;
  }

  leave(address: string): void {
    this.#total -= 1;
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
  }
}

/** Programs of this machine and proxies in front of the server share one address. */
function isLoopback(address: string): boolean {
  if (address === '::1') return true;
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  return isIP(plain) === 4 && plain.startsWith('127.');
}
