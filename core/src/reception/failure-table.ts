// Failed logins by address, within bounded memory: how often, since when, and how long the next answer has to wait.

import { createHmac, randomBytes } from 'node:crypto';
import type { LoginFailures } from '../authentication/index.ts';
import type { Deadlines, Limits } from '../contract/index.ts';
import { isLoopback, networkOf } from './networks.ts';

interface Entry {
  failures: number;
  /** The first failure, milliseconds since the epoch. */
  since: number;
  /** Of the credentials that failed last: a mail program that repeats an old password is no attack. */
  last: string | undefined;
}

/** Doublings of the delay. */
const MAX_DOUBLINGS = 4;

type Bounds = Pick<Limits, 'authFailuresPerAddress' | 'authFailureAddresses' | 'ipv6Prefix'>;
type Times = Pick<Deadlines, 'authDelay' | 'authFailures'>;

export class FailureTable implements LoginFailures {
  readonly #entries = new Map<string, Entry>();
  #limits: Bounds;
  #deadlines: Times;
  readonly #secret = randomBytes(16);

  constructor(limits: Bounds, deadlines: Times) {
    this.#limits = limits;
    this.#deadlines = deadlines;
  }

  /** New bounds; what is remembered stays. */
  adopt(limits: Bounds, deadlines: Times): void {
    this.#limits = limits;
    this.#deadlines = deadlines;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  isBlocked(address: string, now: number): boolean {
    if (isLoopback(address)) return false;
    return (
      (this.#current(this.#networkOf(address), now)?.failures ?? 0) >= this.#limits.authFailuresPerAddress
    );
  }

  /** Counts a failure; only a keyed hash of the credentials is kept. */
  failed(address: string, credentials: string | undefined, now: number): number {
    const network = this.#networkOf(address);
    const last = this.#digestOf(credentials);
    const entry = this.#current(network, now);
    if (entry === undefined) this.#remember(network, { failures: 1, since: now, last });
    else if (last === undefined || entry.last !== last) {
      entry.failures += 1;
      entry.last = last;
    }
    const doublings = Math.min((entry?.failures ?? 1) - 1, MAX_DOUBLINGS);
    return this.#deadlines.authDelay * 2 ** doublings;
  }

  #digestOf(credentials: string | undefined): string | undefined {
    if (credentials === undefined) return undefined;
    return createHmac('sha256', this.#secret).update(credentials).digest('base64');
  }

  /** One customer has one address of IPv4 and a whole network of IPv6. */
  #networkOf(address: string): string {
    return networkOf(address, { ipv4Prefix: 32, ipv6Prefix: this.#limits.ipv6Prefix });
  }

  #current(network: string, now: number): Entry | undefined {
    const entry = this.#entries.get(network);
    if (entry === undefined || now - entry.since < this.#deadlines.authFailures) return entry;
    this.#entries.delete(network);
    return undefined;
  }

  #remember(network: string, entry: Entry): void {
    if (this.#entries.size >= this.#limits.authFailureAddresses) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(network, entry);
  }
}
