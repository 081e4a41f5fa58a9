// How hard a destination may be asked: attempts at a time by what came of the last ones, attempts in a second, and a rest
// when nobody is reached. Only whether the destination was reached counts: a mailbox that does not exist is no failure of
// its host. Pure: time is an argument.

import { Pace } from './pace.ts';
import { laneRest } from './retry.ts';

/** What the operator allows. */
export interface LaneRules {
  /** Attempts at a time, at most. */
  readonly connections: number;
  /** Attempts in a second; undefined: as many as there are. */
  readonly messagesPerSecond?: number;
  /** Messages after which a connection is closed. */
  readonly messagesPerConnection?: number;
}

/** Why an attempt must not begin now. */
export type Obstacle = 'back-off' | 'concurrency' | 'rate';

/** Attempts at a time where nobody knows how much a destination takes: at its first mail, and after a rest. */
const FIRST_CONCURRENCY = 5;

export class Throttle {
  readonly #rules: LaneRules;
  readonly #pace: Pace | undefined;
  /** Attempts under way. */
  running = 0;
  /** The destination has been reached. */
  proven = false;
  /** Rests in a row. After one of them a single attempt goes ahead. */
  failures = 0;
  restsUntil = 0;
  /** Attempts at a time; a success adds one to it, or less once it has been cut. */
  #concurrency: number;
  #wasCut = false;
  #cutAt = Number.NEGATIVE_INFINITY;
  /** Attempts in a row that did not reach the destination, and how many of them it takes for a rest. */
  #misses = 0;
  #deadly = 1;

  constructor(rules: LaneRules) {
    this.#rules = rules;
    this.#concurrency = Math.min(FIRST_CONCURRENCY, rules.connections);
    this.#pace = rules.messagesPerSecond === undefined ? undefined : new Pace(rules.messagesPerSecond);
  }

  get rules(): LaneRules {
    return this.#rules;
  }

  /** Attempts that may run at a time now. */
  get allowed(): number {
    return this.failures > 0 ? 1 : Math.floor(this.#concurrency);
  }

  obstacle(now: number): Obstacle | undefined {
    if (this.restsUntil > now) return 'back-off';
    if (this.running >= this.allowed) return 'concurrency';
    if (this.#pace !== undefined && this.#pace.nextAt(now) > now) return 'rate';
    return undefined;
  }

  /** When its pace allows the next attempt. */
  paceAt(now: number): number {
    return this.#pace?.nextAt(now) ?? now;
  }

  begin(now: number): void {
    this.running += 1;
    this.#pace?.spend(now);
  }

  /** What was begun was no attempt: nobody was asked. */
  takeBack(): void {
    this.running -= 1;
    this.#pace?.giveBack();
  }

  /** An attempt has reached the destination, whatever it said of the message. @returns the rests before, in a row */
  reached(): number {
    const failures = this.#answered();
    // One more for each success, as Postfix does; after a cut one more for each round of them.
    const more = this.#wasCut ? 1 / this.#concurrency : 1;
    // The one that went ahead after a rest lets the first ones follow.
    if (failures === 0) this.#concurrency = Math.min(this.#rules.connections, this.#concurrency + more);
    return failures;
  }

  /** The destination has said that this is too much for it: half as many may run then. @returns as `reached` */
  overcharged(startedAt: number, now: number): number {
    const failures = this.#answered();
    this.#cut(startedAt, now);
    return failures;
  }

  /**
   * An attempt did not reach it. Half as many may run then, once for those that ran side by side; when as many in a row
   * have failed as ran, it is dead: let it rest. @returns whether it is
   */
  missed(startedAt: number, now: number): boolean {
    if (this.#misses === 0) this.#deadly = this.proven && this.failures === 0 ? this.running : 1;
    this.running -= 1;
    // What ran side by side with the attempt after which it rests has failed with it.
    if (this.restsUntil > now) return false;
    this.#misses += 1;
    if (this.#misses >= this.#deadly) return true;
    this.#cut(startedAt, now);
    return false;
  }

  #answered(): number {
    const { failures } = this;
    this.running -= 1;
    this.proven = true;
    this.failures = 0;
    this.restsUntil = 0;
    this.#misses = 0;
    return failures;
  }

  /** Once for all that ran side by side. */
  #cut(startedAt: number, now: number): void {
    if (startedAt < this.#cutAt) return;
    this.#concurrency = Math.max(1, this.#concurrency / 2);
    this.#wasCut = true;
    this.#cutAt = now;
  }

  /** @param milliseconds how long at most, besides the doubling @param chance in [0, 1) */
  rest(now: number, first: number, chance: number, milliseconds = Number.POSITIVE_INFINITY): void {
    this.failures += 1;
    this.restsUntil = now + Math.min(laneRest(this.failures, first, chance), Math.max(first, milliseconds));
    this.#misses = 0;
    this.#wasCut = false;
    this.#concurrency = Math.min(FIRST_CONCURRENCY, this.#rules.connections);
  }

  /** Ends the rest. */
  wake(): void {
    this.restsUntil = 0;
  }
}
