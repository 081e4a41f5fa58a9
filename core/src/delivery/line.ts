// The line of one lane: what waits in memory for its turn, urgent mail ahead of bulk without ever shutting it out. Pure.

import type { QueueItem } from '../contract/index.ts';
import type { Pending } from './agenda.ts';

/**
 * 0: asked for as urgent; 1: at its first attempt; 2: bulk, and whatever was put off before. Of ten that go
 * from a lane in which all of them wait, seven are of the first, two of the second and one of the third.
 */
export type Urgency = 0 | 1 | 2;
const WEIGHTS: Readonly<Record<Urgency, number>> = [7, 2, 1];
const URGENCIES: readonly Urgency[] = [0, 1, 2];

export function urgencyOf({ priority, attempts }: QueueItem): Urgency {
  if (priority === 'high') return 0;
  return priority === 'bulk' || attempts > 0 ? 2 : 1;
}

/** First in, first out; the array is cut now and then instead of shifted. */
interface Row {
  waiting: Pending[];
  first: number;
}

export class Line {
  /** By urgency; most lanes never have more than one of them. */
  readonly #rows: (Row | undefined)[] = [];
  readonly #credits: [number, number, number] = [0, 0, 0];
  #length = 0;

  /** Items that wait. */
  get length(): number {
    return this.#length;
  }

  /** Items that wait and are as urgent as this, or more so. */
  ahead(urgency: Urgency): number {
    let items = 0;
    for (const each of URGENCIES) if (each <= urgency) items += this.#waiting(each);
    return items;
  }

  push(pending: Pending): void {
    const row = this.#row(urgencyOf(pending.item));
    row.waiting.push(pending);
    this.#length += 1;
  }

  /** Puts back what was just taken: it is the first of its urgency again. */
  putBack(pending: Pending): void {
    const row = this.#row(urgencyOf(pending.item));
    row.waiting.splice(0, row.first, pending);
    row.first = 0;
    this.#length += 1;
  }

  /** The next one; only where there is one. */
  take(): Pending {
    const row = this.#rows[this.#nextUrgency()] as Row;
    const pending = row.waiting[row.first] as Pending;
    row.first += 1;
    this.#length -= 1;
    if (row.first === row.waiting.length) {
      row.waiting = [];
      row.first = 0;
    } else if (row.first > 64 && row.first * 2 > row.waiting.length) {
      row.waiting = row.waiting.slice(row.first);
      row.first = 0;
    }
    return pending;
  }

  /** Takes out what is behind the first `kept`. */
  cutBehind(kept: number): readonly Pending[] {
    const cut: Pending[] = [];
    let left = kept;
    for (const row of this.#rows) {
      if (row === undefined) continue;
      const keeps = Math.min(left, row.waiting.length - row.first);
      left -= keeps;
      cut.push(...row.waiting.splice(row.first + keeps));
    }
    this.#length -= cut.length;
    return cut;
  }

  clear(): readonly Pending[] {
    return this.#length === 0 ? [] : this.cutBehind(0);
  }

  /** Takes out one item, wherever it stands. */
  remove(id: string): Pending | undefined {
    for (const row of this.#rows) {
      if (row === undefined) continue;
      for (let at = row.first; at < row.waiting.length; at++) {
        const pending = row.waiting[at] as Pending;
        if (pending.item.id !== id) continue;
        row.waiting.splice(at, 1);
        this.#length -= 1;
        return pending;
      }
    }
    return undefined;
  }

  /** Each earns its weight, and the richest goes and pays for the turn: nobody waits for ever. */
  #nextUrgency(): Urgency {
    let next: Urgency | undefined;
    let sum = 0;
    for (const each of URGENCIES) {
      if (this.#waiting(each) === 0) continue;
      if (this.#waiting(each) === this.#length) return each;
      this.#credits[each] += WEIGHTS[each];
      sum += WEIGHTS[each];
      if (next === undefined || this.#credits[each] > this.#credits[next]) next = each;
    }
    const chosen = next as Urgency;
    this.#credits[chosen] -= sum;
    return chosen;
  }

  #waiting(urgency: Urgency): number {
    const row = this.#rows[urgency];
    return row === undefined ? 0 : row.waiting.length - row.first;
  }

  #row(urgency: Urgency): Row {
    let row = this.#rows[urgency];
    if (row === undefined) {
      row = { waiting: [], first: 0 };
      this.#rows[urgency] = row;
    }
    return row;
  }
}
