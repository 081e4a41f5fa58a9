// Answers that are asked for again and again, kept for a while within fixed room. Questions that are asked at the
// same time share one answer.

import type { Clock } from '../../contract/index.ts';

interface Kept<T> {
  readonly answer: Promise<T>;
  until: number;
}

export class AnswerCache<T> {
  readonly #clock: Clock;
  readonly #room: number;
  readonly #kept = new Map<string, Kept<T>>();

  /** @param room answers kept at a time; the oldest go first. */
  constructor(clock: Clock, room: number) {
    this.#clock = clock;
    this.#room = room;
  }

  /** The answer that is there and good. Nobody waits for it, and so nobody has to be able to give up. */
  kept(question: string): Promise<T> | undefined {
    const known = this.#kept.get(question);
    const isThere = known !== undefined && known.until !== Number.POSITIVE_INFINITY;
    return isThere && known.until > this.#clock.now() ? known.answer : undefined;
  }

  /**
   * The kept answer, or a new one from `ask`.
   * @param keep milliseconds for which an answer is good; 0: it is not kept. A failure is shared by whoever waits for it,
   *   and not kept either.
   */
  get(question: string, ask: () => Promise<T>, keep: (answer: T) => number): Promise<T> {
    const known = this.#kept.get(question);
    if (known !== undefined && known.until > this.#clock.now()) return known.answer;
    const entry: Kept<T> = { answer: ask(), until: Number.POSITIVE_INFINITY };
    this.#kept.delete(question);
    this.#kept.set(question, entry);
    if (this.#kept.size > this.#room) this.#kept.delete(this.#kept.keys().next().value as string);
    const forget = (): void => {
      if (this.#kept.get(question) === entry) this.#kept.delete(question);
    };
    entry.answer.then((answer) => {
      const milliseconds = keep(answer);
      if (milliseconds > 0) entry.until = this.#clock.now() + milliseconds;
      else forget();
    }, forget);
    return entry.answer;
  }
}
