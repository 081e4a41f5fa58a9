// How much each user has sent within the last hour and the last day, against what may be sent. In memory, bounded, no timers:
// a restart forgets it.

import type { Clock } from '@posthouse/core';

/** 0 is no limit. */
export interface Allowance {
  readonly messagesPerHour: number;
  readonly messagesPerDay: number;
  readonly recipientsPerHour: number;
  readonly recipientsPerDay: number;
}

export interface Spent {
  readonly messages: number;
  readonly recipients: number;
}

/** The limit that stands in the way. */
export interface Exceeded {
  readonly what: 'messages' | 'recipients';
  readonly per: 'hour' | 'day';
  readonly limit: number;
  /** Milliseconds until as much may be sent; undefined when it is more than the limit ever allows. */
  readonly wait: number | undefined;
}

const MINUTE = 60_000;
/** Sending is counted in slots of five minutes: a limit is never exceeded within its span, and binds a slot longer. */
const SLOT = 5 * MINUTE;
const SPANS = { hour: 60 * MINUTE, day: 24 * 60 * MINUTE } as const;

interface Slot extends Spent {
  /** Milliseconds since the epoch. */
  readonly start: number;
}

export class Allowances {
  readonly #clock: Clock;
  readonly #capacity: number;
  /** Oldest first: who has sent last stands last. */
  readonly #users = new Map<string, Slot[]>();

  /** @param capacity users remembered; beyond it the one who has not sent for the longest time is forgotten */
  constructor(clock: Clock, capacity: number) {
    this.#clock = clock;
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#users.size;
  }

  /** What would keep the user from sending so much more; undefined when nothing does. */
  exceeded(user: string, allowed: Allowance, more: Spent): Exceeded | undefined {
    const now = this.#clock.now();
    const slots = this.#users.get(user) ?? [];
    let longest: Exceeded | undefined;
    for (const what of ['messages', 'recipients'] as const) {
      for (const per of ['hour', 'day'] as const) {
        const limit = allowed[`${what}Per${per === 'hour' ? 'Hour' : 'Day'}`];
        if (limit === 0 || more[what] === 0) continue;
        const wait = waitFor(slots, what, SPANS[per], limit - more[what], now);
        if (wait === 0) continue;
        if (wait === undefined) return { what, per, limit, wait };
        if (longest?.wait === undefined || wait > longest.wait) longest = { what, per, limit, wait };
      }
    }
    return longest;
  }

  spend(user: string, spent: Spent): void {
    const now = this.#clock.now();
    const start = now - (now % SLOT);
    const slots = (this.#users.get(user) ?? []).filter((slot) => leaves(slot, SPANS.day) > now);
    const last = slots.at(-1);
    if (last?.start === start)
      slots[slots.length - 1] = {
        start,
        messages: last.messages + spent.messages,
        recipients: last.recipients + spent.recipients,
      };
    else slots.push({ start, ...spent });
    this.#users.delete(user);
    this.#users.set(user, slots);
    if (this.#users.size > this.#capacity) {
      const [oldest] = this.#users.keys();
      if (oldest !== undefined) this.#users.delete(oldest);
    }
  }
}

/** Milliseconds until no more than `most` has been sent within the span. */
function waitFor(
  slots: readonly Slot[],
  what: 'messages' | 'recipients',
  span: number,
  most: number,
  now: number,
): number | undefined {
  if (most < 0) return undefined;
  const within = slots.filter((slot) => leaves(slot, span) > now);
  let sum = within.reduce((total, slot) => total + slot[what], 0);
  for (const slot of within) {
    if (sum <= most) return 0;
    sum -= slot[what];
    if (sum <= most) return leaves(slot, span) - now;
  }
  return 0;
}

/** When nothing in the slot lies within the span any more. */
function leaves(slot: Slot, span: number): number {
  return slot.start + SLOT + span;
}

/** `At most 500 messages an hour for this user, try again in 12 minutes` */
export function describeExceeded({ what, per, limit, wait }: Exceeded): string {
  const things = limit === 1 ? what.slice(0, -1) : what;
  const most = `At most ${limit} ${things} ${per === 'hour' ? 'an hour' : 'a day'} for this user`;
  return wait === undefined ? most : `${most}, try again in ${describeWait(wait)}`;
}

function describeWait(milliseconds: number): string {
  const minutes = Math.ceil(milliseconds / MINUTE);
  if (minutes < 120) return minutes === 1 ? '1 minute' : `${minutes} minutes`;
  return `${Math.ceil(minutes / 60)} hours`;
}
