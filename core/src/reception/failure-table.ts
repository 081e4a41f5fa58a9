// Failed logins by address, within bounded memory: how often, since when, and how long the next answer has to wait.

import { createHmac, randomBytes } from 'node:crypto';
import type { LoginFailures } from '../authentication/index.ts';
import type { Deadlines, Limits } from '../contract/index.ts';
import { isLoopback, networkOf } from './networks.ts';

/** What is remembered of one network. */
export interface FailureEntry {
  failures: number;
  /** The first failure, milliseconds since the epoch. */
  since: number;
  /** Of the credentials that failed last: a mail program that repeats an old password is no attack. */
  last: string | undefined;
}

/** A failure as threads tell each other of it. */
export interface LoginFailure {
  /** Of the client: one address of IPv4, one network of IPv6. */
  readonly network: string;
  /** A keyed hash of the credentials; undefined where nobody can tell. */
  readonly credentials: string | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Where several threads count together: all have the same secret. */
export interface SharedFailures {
  readonly secret: Uint8Array;
  tell?(failure: LoginFailure): void;
}

/** Doublings of the delay. */
const MAX_DOUBLINGS = 4;

type Bounds = Pick<Limits, 'authFailuresPerAddress' | 'authFailureAddresses' | 'ipv6Prefix'>;
type Times = Pick<Deadlines, 'authDelay' | 'authFailures'>;

export class FailureTable implements LoginFailures {
  readonly #entries = new Map<string, FailureEntry>();
  #limits: Bounds;
  #deadlines: Times;
  readonly #secret: Uint8Array;
  readonly #tell: SharedFailures['tell'];

  constructor(limits: Bounds, deadlines: Times, shared?: SharedFailures) {
    this.#limits = limits;
    this.#deadlines = deadlines;
    this.#secret = shared?.secret ?? randomBytes(16);
    this.#tell = shared?.tell;
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
    const failure = {
      network: this.#networkOf(address),
      credentials: this.#digestOf(credentials),
      at: now,
    };
    this.#tell?.(failure);
    const doublings = Math.min(this.note(failure) - 1, MAX_DOUBLINGS);
    return this.#deadlines.authDelay * 2 ** doublings;
  }

  /** Counts a failure that happened here or in another thread. @returns how many there are now */
  note({ network, credentials, at }: LoginFailure): number {
    const entry = this.#current(network, at);
    if (entry === undefined) {
      this.#remember(network, { failures: 1, since: at, last: credentials });
      return 1;
    }
    if (credentials === undefined || entry.last !== credentials) {
      entry.failures += 1;
      entry.last = credentials;
    }
    return entry.failures;
  }

  /** What is remembered, for a thread that begins; `adoptAll` takes it. */
  get all(): ReadonlyMap<string, FailureEntry> {
    return this.#entries;
  }

  adoptAll(entries: ReadonlyMap<string, FailureEntry>): void {
    for (const [network, entry] of entries) this.#entries.set(network, { ...entry });
  }

  #digestOf(credentials: string | undefined): string | undefined {
    if (credentials === undefined) return undefined;
    return createHmac('sha256', this.#secret).update(credentials).digest('base64');
  }

  /** One customer has one address of IPv4 and a whole network of IPv6. */
  #networkOf(address: string): string {
    return networkOf(address, { ipv4Prefix: 32, ipv6Prefix: this.#limits.ipv6Prefix });
  }

  #current(network: string, now: number): FailureEntry | undefined {
    const entry = this.#entries.get(network);
    if (entry === undefined || now - entry.since < this.#deadlines.authFailures) return entry;
    this.#entries.delete(network);
    return undefined;
  }

  #remember(network: string, entry: FailureEntry): void {
    if (this.#entries.size >= this.#limits.authFailureAddresses) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(network, entry);
  }
}
