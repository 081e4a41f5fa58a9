// Right passwords for a while, within bounds. Only a keyed hash is kept, and wrong ones never are.

import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '@posthouse/core';

interface Entry {
  readonly user: string;
  readonly until: number;
}

export class AnswerCache {
  readonly #entries = new Map<string, Entry>();
  readonly #secret = randomBytes(32);
  readonly #time: number;
  readonly #size: number;
  readonly #clock: Clock;

  /** @param time milliseconds; 0 remembers nothing */
  constructor(time: number, size: number, clock: Clock) {
    this.#time = time;
    this.#size = size;
    this.#clock = clock;
  }

  keyOf(...parts: readonly string[]): string {
    return createHmac('sha256', this.#secret).update(JSON.stringify(parts)).digest('base64');
  }

  get(key: string): string | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until > this.#clock.now()) return entry.user;
    this.#entries.delete(key);
    return undefined;
  }

  remember(key: string, user: string): void {
    if (this.#time === 0) return;
    this.#entries.delete(key);
    if (this.#entries.size >= this.#size) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(key, { user, until: this.#clock.now() + this.#time });
  }
}
