// The queue in figures: per destination how much waits, since when, for what, and until when. Entries in, numbers out.

import type { Lane, QueueEntry, WaitReason } from '../contract/index.ts';
import type { LaneReport } from './lane-report.ts';

/** Upper bounds of the age buckets in minutes, as qshape has them; the last bucket is whatever is older. */
export const AGE_BOUNDS: readonly number[] = [5, 10, 20, 40, 80, 160, 320, 640, 1280];

/** Destinations with a row of their own; the items of all that turn up later are summed in one. */
export const MAX_DESTINATIONS = 2000;

/** Characters kept of a last reply: a row per destination must stay small. */
const MAX_REPLY = 200;

/** Figures of items. Times are milliseconds since the epoch. */
export interface QueueFigures {
  readonly waiting: number;
  readonly held: number;
  /** Items by age: below AGE_BOUNDS[0] minutes, below AGE_BOUNDS[1] …, and one more for the rest. */
  readonly ages: readonly number[];
  /** When the oldest message arrived; undefined without items. */
  readonly oldest?: number;
  /** When the first of the waiting items is due; undefined where all are held. */
  readonly nextAttempt?: number;
}

export interface DestinationFigures extends QueueFigures, Lane {
  /** What was said at the latest attempt that was put off. */
  readonly lastReply?: Omit<Extract<WaitReason, { kind: 'deferred' }>, 'kind'>;
  /** What the scheduler does there and what holds it up; undefined where it has had nothing to do. */
  readonly lane?: LaneReport;
}

export interface QueueSummary {
  readonly ageBounds: readonly number[];
  readonly total: QueueFigures;
  /** The fullest first. */
  readonly destinations: readonly DestinationFigures[];
  /** What has no row of its own; undefined where every destination has one. */
  readonly rest?: QueueFigures;
}

type Counting<F> = { -readonly [K in keyof F]: F[K] } & { readonly ages: number[] };

/** Counts entries as they come, in memory bounded by `most` destinations. */
export class QueueCount {
  readonly #now: number;
  readonly #most: number;
  readonly #total = nothing();
  readonly #rest = nothing();
  readonly #byLane = new Map<string, Counting<DestinationFigures>>();

  constructor(now: number, most = MAX_DESTINATIONS) {
    this.#now = now;
    this.#most = most;
  }

  add(entry: QueueEntry): void {
    count(this.#total, entry, this.#now);
    const figures = this.#figuresOf(entry.item);
    if (figures === undefined) {
      count(this.#rest, entry, this.#now);
      return;
    }
    count(figures, entry, this.#now);
    const { reason } = entry.item;
    if (reason.kind !== 'deferred' || reason.at < (figures.lastReply?.at ?? Number.NEGATIVE_INFINITY)) return;
    const { status, text, at } = reason;
    figures.lastReply = { status, text: text.slice(0, MAX_REPLY), at };
  }

  /** Gives a destination for which nothing waits a row. */
  include(lane: Lane): void {
    for (const { destination } of this.#byLane.values()) if (destination === lane.destination) return;
    this.#figuresOf(lane);
  }

  /** @param reportOf what the scheduler knows of a lane */
  summary(reportOf: (lane: Lane) => LaneReport | undefined = () => undefined): QueueSummary {
    const destinations = [...this.#byLane.values()]
      .sort((a, b) => size(b) - size(a))
      .map((figures): DestinationFigures => {
        const lane = reportOf(figures);
        return lane === undefined ? figures : { ...figures, lane };
      });
    const summary = { ageBounds: AGE_BOUNDS, total: this.#total, destinations };
    return size(this.#rest) === 0 ? summary : { ...summary, rest: this.#rest };
  }

  #figuresOf({ transport, destination }: Lane): Counting<DestinationFigures> | undefined {
    const key = JSON.stringify([transport, destination]);
    const known = this.#byLane.get(key);
    if (known !== undefined || this.#byLane.size >= this.#most) return known;
    const figures = { transport, destination, ...nothing() };
    this.#byLane.set(key, figures);
    return figures;
  }
}

export function summaryOf(entries: Iterable<QueueEntry>, now: number, most?: number): QueueSummary {
  const counted = new QueueCount(now, most);
  for (const entry of entries) counted.add(entry);
  return counted.summary();
}

function nothing(): Counting<QueueFigures> {
  return { waiting: 0, held: 0, ages: new Array<number>(AGE_BOUNDS.length + 1).fill(0) };
}

function size({ waiting, held }: QueueFigures): number {
  return waiting + held;
}

function count(figures: Counting<QueueFigures>, { item, message }: QueueEntry, now: number): void {
  figures[item.state] += 1;
  const minutes = (now - message.arrivedAt) / 60_000;
  const found = AGE_BOUNDS.findIndex((bound) => minutes < bound);
  const bucket = found < 0 ? AGE_BOUNDS.length : found;
  figures.ages[bucket] = (figures.ages[bucket] ?? 0) + 1;
  figures.oldest = Math.min(figures.oldest ?? message.arrivedAt, message.arrivedAt);
  if (item.state === 'waiting') figures.nextAttempt = Math.min(figures.nextAttempt ?? item.due, item.due);
}
