// Asks the sources in their order, within bounds: answers are remembered for a while, the same question is asked once at
// a time, and no question takes longer than its time.

import type { Clock, Logger } from '@posthouse/core';
import type { Config } from './config.ts';
import type { Address, Known, Source } from './source.ts';

interface Entry {
  readonly known: Known;
  readonly freshUntil: number;
  readonly staleUntil: number;
}

type LookupConfig = Pick<
  Config,
  'timeout' | 'requests' | 'knownFor' | 'unknownFor' | 'staleFor' | 'cacheSize'
>;

/** The operator hears of the same trouble so often. */
const TELL_AGAIN = 60_000;

export class Lookup {
  readonly #sources: readonly Source[];
  readonly #config: LookupConfig;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #cache = new Map<string, Entry>();
  readonly #underWay = new Map<string, Promise<Known | undefined>>();
  readonly #told = new Map<Source, number>();
  #requests = 0;

  constructor(sources: readonly Source[], config: LookupConfig, clock: Clock, log: Logger) {
    this.#sources = sources;
    this.#config = config;
    this.#clock = clock;
    this.#log = log;
  }

  /** Undefined where no source can tell. At once where a local source or the cache can. */
  knows(address: Address): Known | undefined | Promise<Known | undefined> {
    for (const source of this.#sources) {
      if (source.local !== true) return this.#remembered(address);
      if (source.knows(address, NEVER) === true) return true;
    }
    return false;
  }

  #remembered(address: Address): Known | undefined | Promise<Known | undefined> {
    const entry = this.#cache.get(address.address);
    if (entry !== undefined && entry.freshUntil > this.#clock.now()) return entry.known;
    const underWay = this.#underWay.get(address.address);
    if (underWay !== undefined) return underWay;
    if (this.#requests >= this.#config.requests) return this.#stale(entry);
    this.#requests += 1;
    const answer = this.#ask(address).then((known) => (known === undefined ? this.#stale(entry) : known));
    const settled = answer.finally(() => {
      this.#requests -= 1;
      this.#underWay.delete(address.address);
    });
    this.#underWay.set(address.address, settled);
    return settled;
  }

  /** One source that knows the mailbox is enough; for "unknown" every one must have answered. */
  async #ask(address: Address): Promise<Known | undefined> {
    let unanswered = false;
    for (const source of this.#sources) {
      if (source.local === true) continue;
      try {
        if (await this.#within(source, address)) {
          this.#remember(address.address, true);
          return true;
        }
      } catch (error) {
        unanswered = true;
        this.#tell(source, error);
      }
    }
    if (unanswered) return undefined;
    this.#remember(address.address, false);
    return false;
  }

  #within(source: Source, address: Address): Promise<Known> {
    return new Promise((resolve, reject) => {
      const controller = new AbortController();
      const timer = this.#clock.after(this.#config.timeout, () => {
        const late = new Error(`no answer within ${this.#config.timeout} ms`);
        reject(late);
        controller.abort(late);
      });
      Promise.resolve()
        .then(() => source.knows(address, controller.signal))
        .then(resolve, reject)
        .finally(() => timer.stop());
    });
  }

  #stale(entry: Entry | undefined): Known | undefined {
    return entry?.known === true && entry.staleUntil > this.#clock.now() ? true : undefined;
  }

  #remember(key: string, known: Known): void {
    const now = this.#clock.now();
    const { knownFor, unknownFor, staleFor, cacheSize } = this.#config;
    const freshUntil = now + (known ? knownFor : unknownFor);
    this.#cache.delete(key);
    this.#cache.set(key, { known, freshUntil, staleUntil: Math.max(freshUntil, known ? now + staleFor : 0) });
    if (this.#cache.size > cacheSize) this.#cache.delete(this.#cache.keys().next().value as string);
  }

  #tell(source: Source, error: unknown): void {
    const now = this.#clock.now();
    if (now - (this.#told.get(source) ?? Number.NEGATIVE_INFINITY) < TELL_AGAIN) return;
    this.#told.set(source, now);
    this.#log.warn(
      { source: source.name, error: error instanceof Error ? error.message : String(error) },
      'cannot tell who has a mailbox',
    );
  }
}

const NEVER = new AbortController().signal;
