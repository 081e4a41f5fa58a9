// FUTURERELEASE (RFC 4865): a user asks that a message be kept until its time. What may be asked for, and when that is.
// Pure: the time is an argument.

import type { MailParameters } from './parameters.ts';
import type { Fault } from './reply.ts';

/** What a listener allows. */
export interface FutureReleaseOffer {
  /** Milliseconds that a message may be held at the most. */
  readonly longest: number;
  /** Milliseconds since the epoch. */
  now(): number;
}

export type HoldParameters = Pick<MailParameters, 'holdFor' | 'holdUntil'>;

/** RFC 4865 §4: future-release-integer has at most nine digits. */
const MOST_SECONDS = 999_999_999;

/** RFC 4865 §4: the longest interval, and the latest time, that are taken just now. */
export function futureReleaseKeyword({ longest, now }: FutureReleaseOffer): string {
  const seconds = Math.min(Math.floor(longest / 1000), MOST_SECONDS);
  const latest = new Date(now() + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  return `FUTURERELEASE ${seconds} ${latest}`;
}

/** Seconds; undefined for what is no interval. */
export function parseHoldFor(value: string | undefined): number | undefined {
  return value !== undefined && /^[1-9]\d{0,8}$/.test(value) ? Number(value) : undefined;
}

// RFC 3339 §5.6, as erratum 2040 has it; the letters in any case.
const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i;

/** The time as it was written; undefined for what is none. */
export function parseHoldUntil(value: string | undefined): string | undefined {
  const [, year, month, day] = DATE_TIME.exec(value ?? '') ?? [];
  if (value === undefined || value.length > 40) return undefined;
  // There is no 30 February, though the engine would make one of March of it.
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day) ? value : undefined;
}

/** When a message that arrived then may go, milliseconds since the epoch: at once where nobody asked for anything. */
export function releaseTime({ holdFor, holdUntil }: HoldParameters, arrivedAt: number): number {
  if (holdFor !== undefined) return arrivedAt + holdFor * 1000;
  if (holdUntil === undefined) return arrivedAt;
  const until = Date.parse(holdUntil.toUpperCase());
  return Number.isFinite(until) ? Math.max(arrivedAt, until) : arrivedAt;
}

/** What is wrong with the wish; undefined where it can be kept, or there is none. */
export function holdFault(hold: HoldParameters, { longest, now }: FutureReleaseOffer): Fault | undefined {
  const { holdFor, holdUntil } = hold;
  if (holdFor === undefined && holdUntil === undefined) return undefined;
  if (holdFor !== undefined && holdUntil !== undefined) return BOTH;
  const at = now();
  if (holdUntil !== undefined && Date.parse(holdUntil.toUpperCase()) <= at) return PASSED;
  return releaseTime(hold, at) > at + longest ? TOO_FAR : undefined;
}

// RFC 4865 §5: one of the two, within what EHLO has said; what cannot be is answered as a wrong parameter.
const BOTH: Fault = { code: 501, status: '5.5.4', text: 'HOLDFOR and HOLDUNTIL exclude each other' };
const PASSED: Fault = { code: 501, status: '5.5.4', text: 'The time of HOLDUNTIL has passed' };
const TOO_FAR: Fault = { code: 501, status: '5.5.4', text: 'The message cannot be held that long' };
