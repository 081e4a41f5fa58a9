// DNS as mailauth asks for it, answered by the house's Resolver within a budget: so many questions, so much time.
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
  #expired: Promise<never> | undefined;

  /** @param client the address whose names are asked for: the only one that SPF looks up */
  constructor(resolver: Resolver, clock: Clock, { lookups, time }: LookupBudget, client: string) {
    this.#resolver = resolver;
    this.#clock = clock;
    this.#left = lookups;
    this.#time = time;
    this.#client = client;
  }

  /** Records as node:dns has them. Rejects with a LookupFailure; never after longer than the budget. */
  readonly ask: Ask = async (name, type) => {
    const records = await this.#within(() => this.#records(name, type), `${type} ${name}`);
    if (records.length === 0) throw new LookupFailure('ENODATA', `no ${type} at ${name}`);
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
      (await this.#within(async () => {
        const { v4, v6 } = await this.#resolver.addresses(name, this.#controller.signal);
        if (v4.length + v6.length > 0) return true;
        return (await this.#resolver.mxRecords(name, this.#controller.signal)).length > 0;
      }, `whether ${name} exists`));
    if (!exists) throw new LookupFailure('ENOTFOUND', `${name} does not exist`);
    return [name];
  };

  /** Nobody waits for answers any more. */
  close(): void {
    this.#timer?.stop();
  }

  async #records(name: string, type: string): Promise<readonly unknown[]> {
    const { signal } = this.#controller;
    switch (type) {
      case 'TXT':
        return (await this.#resolver.txt(name, signal)).map((text) => [text]);
      case 'MX':
        return (await this.#resolver.mxRecords(name, signal)).map(({ exchange, preference }) => ({
          exchange,
          priority: preference,
        }));
      case 'A':
        return (await this.#resolver.addresses(name, signal)).v4;
      case 'AAAA':
        return (await this.#resolver.addresses(name, signal)).v6;
      case 'PTR':
        return this.#resolver.ptr(this.#client, signal);
      default:
        return [];
    }
  }

  async #within<T>(answer: () => Promise<T>, question: string): Promise<T> {
    this.#left -= 1;
    if (this.#left < 0) throw new LookupFailure('ETIMEOUT', `too many lookups: ${question} is not asked`);
    try {
      return await Promise.race([answer(), this.#deadline()]);
    } catch (error) {
      if (error instanceof LookupFailure) throw error;
      throw new LookupFailure('ESERVFAIL', error instanceof Error ? error.message : String(error));
    }
  }

  #deadline(): Promise<never> {
    if (this.#expired === undefined) {
      this.#expired = new Promise((_, reject) => {
        this.#timer = this.#clock.after(this.#time, () => {
          const failure = new LookupFailure('ETIMEOUT', `DNS took longer than ${this.#time} ms`);
          reject(failure);
          this.#controller.abort(failure);
        });
      });
      // Nobody may be waiting when it runs out.
      this.#expired.catch(() => {});
    }
    return this.#expired;
  }
}
