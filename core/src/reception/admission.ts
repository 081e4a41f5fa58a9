// Who may connect: open connections in all, per address and per network, and new ones within a minute.
// Counting only; the listener says no.

import type { Limits } from '../contract/index.ts';
import { isLoopback, networkOf } from './networks.ts';
import type { Tallies } from './tallies.ts';

export type AdmissionRefusal = 'too-many' | 'too-many-from-address' | 'too-many-from-network' | 'too-often';

export class Admission {
  #limits: Limits;
  readonly #tallies: Tallies;

  constructor(limits: Limits, tallies: Tallies) {
    this.#limits = limits;
    this.#tallies = tallies;
  }

  /** New bounds, for those who come from now on. How networks are counted must not change. */
  adopt(limits: Limits): void {
    this.#limits = limits;
  }

  get total(): number {
    return this.#tallies.total;
  }

  /**
   * Counts the connection in, or says why not. Whoever was let in is let out again with `leave`. It counts before it
   * looks, so that two threads never both take the last place.
   */
  enter(address: string): AdmissionRefusal | undefined {
    const limits = this.#limits;
    const tallies = this.#tallies;
    let refusal: AdmissionRefusal | undefined;
    if (tallies.raiseTotal() > limits.connections) refusal = 'too-many';
    else if (isLoopback(address)) return undefined;
    else {
      const network = networkOf(address, limits);
      if (tallies.arrived(address.includes(':') ? network : address) > limits.connectionsPerMinute)
        refusal = 'too-often';
      else {
        const fromAddress = tallies.addresses.raise(address);
        const fromNetwork = tallies.networks.raise(network);
        if (fromAddress <= limits.connectionsPerAddress && fromNetwork <= limits.connectionsPerNetwork)
          return undefined;
        tallies.addresses.lower(address);
        tallies.networks.lower(network);
        const byAddress = fromAddress > limits.connectionsPerAddress;
        refusal = byAddress ? 'too-many-from-address' : 'too-many-from-network';
      }
    }
    tallies.lowerTotal();
    return refusal;
  }

  /** The connection turns out to be another's. Where that one may not come, it stays counted as it was. */
  move(from: string, to: string): AdmissionRefusal | undefined {
    this.leave(from);
    const refusal = this.enter(to);
    if (refusal !== undefined) this.#count(from);
    return refusal;
  }

  #count(address: string): void {
    this.#tallies.raiseTotal();
    if (isLoopback(address)) return;
    this.#tallies.addresses.raise(address);
    this.#tallies.networks.raise(networkOf(address, this.#limits));
  }

  leave(address: string): void {
    this.#tallies.lowerTotal();
    if (isLoopback(address)) return;
    this.#tallies.addresses.lower(address);
    this.#tallies.networks.lower(networkOf(address, this.#limits));
  }
}
