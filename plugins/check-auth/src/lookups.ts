// DNS for one check, answered by the house's Resolver within a budget: so many questions, so much time.
// What goes over the budget is a temporary failure, as if DNS were silent.

import type { Clock, Resolver, Timer } from '@posthouse/core';

export interface LookupBudget {
  /** Questions. */
  readonly lookups: number;
  /** Milliseconds from the first question on. */
  readonly time: number;
}

/** The codes of node:dns, by which mailauth tells "there is none" from "nobody can tell". */
export class LookupFailure extends Error {
  readonly code: 'ENODATA' | 'ENOTFOUND' | 'ETIMEOUT' | 'ESERVFAIL';

  constructor(code: LookupFailure['code'], text: string) {
    super(text);
    this.code = code;
  }
}

/** Made once: an error is dear for its stack, and most policies are asked for in vain at first. */
const NOTHING = new LookupFailure('ENODATA', 'no such record');
const NOWHERE = new LookupFailure('ENOTFOUND', 'no such name');

export type Ask = (name: string, type: string) => Promise<readonly unknown[]>;

/** The questions of one check. Whoever makes it closes it. */
export class Lookups {
  readonly #resolver: Resolver;
  readonly #clock: Clock;
  readonly #time: number;
  readonly #client: string;
  readonly #controller = new AbortController();
  #left: number;
  #timer: Timer | undefined;
  #expired: LookupFailure | undefined;
  /** Whoever waits for an answer: what to call when the time is up. */
  readonly #waiting = new Set<(failure: LookupFailure) => void>();

  /** @param client the address whose names are asked for: the only one that SPF looks up */
  constructor(resolver: Resolver, clock: Clock, { lookups, time }: LookupBudget, client: string) {
    this.#resolver = resolver;
    this.#clock = clock;
    this.#left = lookups;
    this.#time = time;
    this.#client = client;
  }

  /** Records as node:dns has them, for mailauth. Rejects with a LookupFailure; never after longer than the budget. */
  readonly ask: Ask = async (name, type) => {
    const records = type === 'TXT' ? (await this.txt(name)).map((text) => [text]) : [];
    if (records.length === 0) throw NOTHING;
    return records;
  };

  /**
   * The same for DMARC, which asks for A to learn whether a domain exists: it does where it has an address or an MX
   * (RFC 9091 §2.7; the Resolver does not tell NXDOMAIN from a name without records).
   */
  readonly askForPolicy: Ask = async (name, type) => {
    if (type === 'TXT') return this.ask(name, type);
    const exists =
      type === 'A' &&
      (await this.#within(async (signal) => {
        const { v4, v6 } = await this.#resolver.addresses(name, signal);
        if (v4.length + v6.length > 0) return true;
        return (await this.#resolver.mxRecords(name, signal)).length > 0;
      }));
    if (!exists) throw NOWHERE;
    return [name];
  };

  /** Each record with its strings joined; none for a name that does not exist. Rejects as `ask` does, as all below. */
  txt(name: string): Promise<readonly string[]> {
    return this.#within((signal) => this.#resolver.txt(name, signal));
  }

  a(name: string): Promise<readonly string[]> {
    return this.#within((signal) => this.#resolver.a(name, signal));
  }

  aaaa(name: string): Promise<readonly string[]> {
    return this.#within(async (signal) => (await this.#resolver.addresses(name, signal)).v6);
  }

  /** Hosts, best first. */
  mx(name: string): Promise<readonly string[]> {
    return this.#within(async (signal) =>
      (await this.#resolver.mxRecords(name, signal)).map(({ exchange }) => exchange),
    );
  }

  /** The names of the client. */
  ptr(): Promise<readonly string[]> {
    return this.#within((signal) => this.#resolver.ptr(this.#client, signal));
  }

  /** Nobody waits for answers any more. */
  close(): void {
    this.#timer?.stop();
  }

  #within<T>(answer: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#left -= 1;
    if (this.#left < 0) return Promise.reject(new LookupFailure('ETIMEOUT', 'too many lookups'));
    if (this.#expired !== undefined) return Promise.reject(this.#expired);
    this.#timer ??= this.#clock.after(this.#time, () => this.#expire());
    // Cheaper than a race, of which there would be one for each question.
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      answer(this.#controller.signal).then(
        (value) => {
          this.#waiting.delete(reject);
          resolve(value);
        },
        (error: unknown) => {
          this.#waiting.delete(reject);
          reject(failureOf(error));
        },
      );
    });
  }

  #expire(): void {
    this.#expired = new LookupFailure('ETIMEOUT', `DNS took longer than ${this.#time} ms`);
    for (const reject of this.#waiting) reject(this.#expired);
    this.#waiting.clear();
    this.#controller.abort(this.#expired);
  }
}

function failureOf(error: unknown): LookupFailure {
  if (error instanceof LookupFailure) return error;
  return new LookupFailure('ESERVFAIL', error instanceof Error ? error.message : String(error));
}
