// Asks lists over DNS: side by side, each within its time, each answer remembered for a while. Never rejects and never
// grows: a list that gives no answer is left alone for a minute, one that lists the whole world until it does not.

import type { Clock, Logger, Resolver, Timer } from '@posthouse/core';
import type { Config } from './config.ts';
import { faultOf, type Zone } from './zone.ts';

export type ListAnswer =
  | { readonly kind: 'answered'; readonly addresses: readonly string[] }
  | { readonly kind: 'unanswered' };

interface Remembered {
  readonly answer: Promise<ListAnswer>;
  until: number;
}

interface Health {
  failuresInARow: number;
  restsUntil: number;
  listsTheWorld: boolean;
  toldAt: number;
}

const UNANSWERED: ListAnswer = { kind: 'unanswered' };
/** Failures in a row after which a list is left alone. */
const PATIENCE = 5;
const REST = 60_000;
/** A failed question is not repeated at once. */
const KEEP_FAILURE = 5_000;
const LOOK_AGAIN = 60 * 60_000;
/** The operator hears of the same trouble so often. */
const TELL_AGAIN = 60 * 60_000;
/** RFC 5782 §5: the address that no list may have. */
const NEVER_LISTED = '1.0.0.127';
const MAX_TEXT = 200;

export interface ListsTools {
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: Pick<Config, 'timeout' | 'keep' | 'remembered'>;
}

export class Lists {
  readonly #tools: ListsTools;
  readonly #remembered = new Map<string, Remembered>();
  readonly #health = new Map<string, Health>();
  #timer: Timer | undefined;

  constructor(tools: ListsTools) {
    this.#tools = tools;
  }

  /** Looks now, and every hour, whether one of the lists has come to list everything. Waits for nothing. */
  start(zones: readonly Zone[]): void {
    const look = (): void => {
      for (const zone of zones) if (zone.of.has('address')) void this.#lookForTheWorld(zone.name);
    };
    look();
    this.#timer = this.#tools.clock.every(LOOK_AGAIN, look);
  }

  stop(): void {
    this.#timer?.stop();
  }

  ask(subject: string, zone: string): Promise<ListAnswer> {
    const { clock, config } = this.#tools;
    const health = this.#healthOf(zone);
    const now = clock.now();
    if (health.listsTheWorld || health.restsUntil > now) return Promise.resolve(UNANSWERED);
    const question = `${subject}.${zone}`;
    const known = this.#remembered.get(question);
    if (known !== undefined && known.until > now) return known.answer;
    const entry: Remembered = { answer: this.#lookUp(question, zone), until: Number.POSITIVE_INFINITY };
    this.#remembered.delete(question);
    this.#remembered.set(question, entry);
    if (this.#remembered.size > config.remembered)
      this.#remembered.delete(this.#remembered.keys().next().value as string);
    void entry.answer.then(({ kind }) => {
      entry.until = clock.now() + (kind === 'answered' ? config.keep : KEEP_FAILURE);
    });
    return entry.answer;
  }

  /** What the list says about its entry, for the client; undefined when it says nothing in time. */
  async text(subject: string, zone: string): Promise<string | undefined> {
    const { resolver } = this.#tools;
    const records = await this.#within((signal) => resolver.txt(`${subject}.${zone}`, signal));
    return Array.isArray(records) ? records[0]?.slice(0, MAX_TEXT) : undefined;
  }

  async #lookUp(question: string, zone: string): Promise<ListAnswer> {
    const { resolver, clock } = this.#tools;
    const found = await this.#within((signal) => resolver.a(question, signal));
    const health = this.#healthOf(zone);
    if (found instanceof Error) {
      health.failuresInARow += 1;
      if (health.failuresInARow < PATIENCE) return UNANSWERED;
      health.failuresInARow = 0;
      health.restsUntil = clock.now() + REST;
      this.#tell(zone, `gives no answer, and is left alone for a minute: ${found.message}`);
      return UNANSWERED;
    }
    health.failuresInARow = 0;
    const fault = found.map(faultOf).find((each) => each !== undefined);
    if (fault === undefined) return { kind: 'answered', addresses: found };
    this.#tell(zone, fault);
    return UNANSWERED;
  }

  async #lookForTheWorld(zone: string): Promise<void> {
    const { resolver } = this.#tools;
    const found = await this.#within((signal) => resolver.a(`${NEVER_LISTED}.${zone}`, signal));
    if (found instanceof Error) return;
    const health = this.#healthOf(zone);
    health.listsTheWorld = found.length > 0;
    if (health.listsTheWorld) this.#tell(zone, 'lists even 127.0.0.1, as no list may: it is not used');
  }

  /** An Error where it fails or takes too long. */
  #within<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T | Error> {
    const { clock, config } = this.#tools;
    return new Promise((resolve) => {
      const controller = new AbortController();
      const timer = clock.after(config.timeout, () => {
        const late = new Error(`no answer within ${config.timeout} ms`);
        resolve(late);
        controller.abort(late);
      });
      ask(controller.signal)
        .then(resolve, (error: unknown) => resolve(error instanceof Error ? error : new Error(String(error))))
        .finally(() => timer.stop());
    });
  }

  #healthOf(zone: string): Health {
    let health = this.#health.get(zone);
    if (health === undefined) {
      health = { failuresInARow: 0, restsUntil: 0, listsTheWorld: false, toldAt: Number.NEGATIVE_INFINITY };
      this.#health.set(zone, health);
    }
    return health;
  }

  #tell(zone: string, trouble: string): void {
    const health = this.#healthOf(zone);
    const now = this.#tools.clock.now();
    if (now - health.toldAt < TELL_AGAIN) return;
    health.toldAt = now;
    this.#tools.log.warn({ zone }, `the DNS list ${zone} ${trouble}`);
  }
}
