// How long one connection may take: for silence, for a transaction, for the whole session, and how slowly it may send.
// Numbers in, a verdict out; the listener's one sweep asks, so that no connection pays for a timer.

import type { Deadlines, Limits } from '../contract/index.ts';

/** What the connection is doing when it is asked about. */
export interface Doing {
  readonly inBody: boolean;
  /** A command line has begun and not ended. */
  readonly midLine: boolean;
  readonly transactionStartedAt: number | undefined;
}

export class Patience {
  readonly #openedAt: number;
  #heardAt: number;
  /** Since when, and how many octets came since then: for the average rate. */
  #windowFrom: number;
  #windowOctets = 0;

  constructor(now: number) {
    this.#openedAt = now;
    this.#heardAt = now;
    this.#windowFrom = now;
  }

  heard(now: number, octets: number): void {
    this.#heardAt = now;
    this.#windowOctets += octets;
  }

  /** The silence was ours: the client may take its time from now on. */
  excuse(now: number): void {
    this.#heardAt = now;
    this.#openWindow(now);
  }

  /** Why the client has had time enough; undefined while it has not. */
  overdue(now: number, doing: Doing, deadlines: Deadlines, limits: Limits): string | undefined {
    const { inBody, transactionStartedAt } = doing;
    const silence = inBody ? deadlines.data : deadlines.command;
    if (now - this.#heardAt > silence) return 'Timeout, closing the connection';
    if (transactionStartedAt !== undefined && now - transactionStartedAt > deadlines.transaction)
      return 'The transaction took too long';
    const grace = transactionStartedAt === undefined ? 0 : deadlines.transaction;
    if (now - this.#openedAt > deadlines.session + grace) return 'The session took too long';
    return this.#tooSlow(now, doing, deadlines.rateWindow, limits.minimumRate)
      ? 'Too slow, closing the connection'
      : undefined;
  }

  #tooSlow(now: number, { inBody, midLine }: Doing, window: number, rate: number): boolean {
    const elapsed = now - this.#windowFrom;
    if ((inBody || midLine) && elapsed < window) return false;
    const slow = (inBody || midLine) && this.#windowOctets * 1000 < rate * elapsed;
    this.#openWindow(now);
    return slow;
  }

  #openWindow(now: number): void {
    this.#windowFrom = now;
    this.#windowOctets = 0;
  }
}
