// Who may connect: open connections in all, per address and per network, and new ones within a minute.
// Counting only; the listener says no.

import type { Clock, Limits } from '../contract/index.ts';
import { isLoopback, networkOf } from './networks.ts';

export type AdmissionRefusal = 'too-many' | 'too-many-from-address' | 'too-many-from-network' | 'too-often';

const MINUTE = 60_000;

export class Admission {
  #limits: Limits;
  readonly #perAddress = new Map<string, number>();
  readonly #perNetwork = new Map<string, number>();
  readonly #arrivals: Arrivals;
  #total = 0;

  constructor(limits: Limits, clock: Clock) {
    this.#limits = limits;
    this.#arrivals = new Arrivals(clock);
  }

  /** New bounds, for those who come from now on. How networks are counted must not change. */
  adopt(limits: Limits): void {
    this.#limits = limits;
  }

  get total(): number {
    return this.#total;
  }

  /** Counts the connection in, or says why not. Whoever was let in is let out again with `leave`. */
  enter(address: string): AdmissionRefusal | undefined {
    const limits = this.#limits;
    if (this.#total >= limits.connections) return 'too-many';
    if (!isLoopback(address)) {
      const network = networkOf(address, limits);
      const arrivals = this.#arrivals.count(address.includes(':') ? network : address);
      if (arrivals > limits.connectionsPerMinute) return 'too-often';
      const fromAddress = this.#perAddress.get(address) ?? 0;
      if (fromAddress >= limits.connectionsPerAddress) return 'too-many-from-address';
      const fromNetwork = this.#perNetwork.get(network) ?? 0;
      if (fromNetwork >= limits.connectionsPerNetwork) return 'too-many-from-network';
    }
    this.#count(address);
    return undefined;
  }

  /** The connection turns out to be another's. Where that one may not come, it stays counted as it was. */
  move(from: string, to: string): AdmissionRefusal | undefined {
    this.leave(from);
    const refusal = this.enter(to);
    if (refusal !== undefined) this.#count(from);
    return refusal;
  }

  #count(address: string): void {
    this.#total += 1;
    if (isLoopback(address)) return;
    raise(this.#perAddress, address);
    raise(this.#perNetwork, networkOf(address, this.#limits));
  }

  leave(address: string): void {
    this.#total -= 1;
    if (isLoopback(address)) return;
    lower(this.#perAddress, address);
    lower(this.#perNetwork, networkOf(address, this.#limits));
  }
}

/** How often somebody came within the last minute: the count of this minute, and the part of the last one that still counts. */
class Arrivals {
  readonly #clock: Clock;
  #minute = 0;
  #now = new Map<string, number>();
  #before = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts one more and gives the number within the last minute. What is older than two minutes is forgotten. */
  count(who: string): number {
    const now = this.#clock.now();
    const minute = Math.floor(now / MINUTE);
    if (minute !== this.#minute) {
      this.#before = minute === this.#minute + 1 ? this.#now : new Map();
      this.#now = new Map();
      this.#minute = minute;
    }
    const count = (this.#now.get(who) ?? 0) + 1;
    this.#now.set(who, count);
    const stillCounts = 1 - (now - minute * MINUTE) / MINUTE;
    return count + (this.#before.get(who) ?? 0) * stillCounts;
  }
}

function raise(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function lower(counts: Map<string, number>, key: string): void {
  const left = (counts.get(key) ?? 1) - 1;
  if (left === 0) counts.delete(key);
  else counts.set(key, left);
}
