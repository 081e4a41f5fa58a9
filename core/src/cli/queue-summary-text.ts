// The summary of the queue for people: who waits for what, and a table of ages in the manner of Postfix's qshape.

import { roughDuration } from '../server/configuration/index.ts';
import type { DestinationFigures, LaneReport, QueueFigures, QueueSummary } from '../server/control.ts';
import { clip, columns, visible } from './columns.ts';
import { nothingText } from './queue-text.ts';

const HEADS = ['VIA', 'WAITING', 'HELD', 'OLDEST', 'NEXT', 'LANE', 'LAST REPLY'];
/** Characters of a next hop, and of a reply. */
const WIDE = 40;
const WIDEST = 90;

/** @param rows at most so many destinations, the fullest; the others are summed */
export function summaryText(
  { ageBounds, total, destinations, rest }: QueueSummary,
  now: number,
  rows: number,
  filtered = false,
): string {
  if (total.waiting + total.held + destinations.length === 0) return nothingText(filtered);
  const shown = destinations.slice(0, rows);
  const hidden = destinations.slice(rows);
  const others = [...hidden, ...(rest === undefined ? [] : [rest])];
  const lines: [string, QueueFigures, string, string][] = [
    ['total', total, '', ''],
    ...shown.map((one): [string, QueueFigures, string, string] => [
      clip(via(one), WIDE),
      one,
      laneText(one.lane, now),
      reply(one, now),
    ]),
  ];
  if (others.length > 0) lines.push(['all others', others.reduce(together), '', '']);
  const figures = columns(
    HEADS,
    lines.map(([name, one, lane, said]) => [
      name,
      String(one.waiting),
      String(one.held),
      one.oldest === undefined ? '' : roughDuration(now - one.oldest),
      next(one, now),
      lane,
      said,
    ]),
  );
  const ages = columns(
    ['ITEMS BY AGE (MINUTES)', 'ALL', ...ageBounds.map((bound) => `<${bound}`), `${ageBounds.at(-1) ?? 0}+`],
    lines.map(([name, one]) => [name, String(one.waiting + one.held), ...one.ages.map(String)]),
  );
  return `${figures}\n${ages}`;
}

function via({ transport, destination }: DestinationFigures): string {
  return transport === null ? 'no route' : visible(`${transport} ${destination}`.trim());
}

/** What is going on there, and what holds it up. */
function laneText(lane: LaneReport | undefined, now: number): string {
  if (lane === undefined) return '';
  const { running, allowed, wait } = lane;
  const runs = running === 0 ? '' : `${running} of ${allowed} running`;
  const shared = lane.sharedBy === undefined ? '' : `shared by ${lane.sharedBy}`;
  return [runs, wait === undefined ? '' : waitText(wait, now), shared]
    .filter((part) => part !== '')
    .join(', ');
}

function waitText(wait: NonNullable<LaneReport['wait']>, now: number): string {
  switch (wait.kind) {
    case 'back-off':
      return `not reached ${wait.failures}×, next try in ${roughDuration(Math.max(0, wait.until - now))}`;
    case 'suspended':
      return `suspended ${roughDuration(Math.max(0, now - wait.since))} ago`;
    case 'rate':
      return 'rate limit';
    case 'concurrency':
      return '';
    case 'slots':
      return 'waits for a free slot';
  }
}

function reply({ lastReply }: DestinationFigures, now: number): string {
  if (lastReply === undefined) return '';
  const { status, text, at } = lastReply;
  return `${clip(visible(`${status} ${text}`), WIDEST)} (${roughDuration(now - at)} ago)`;
}

function next({ nextAttempt, held }: QueueFigures, now: number): string {
  if (nextAttempt === undefined) return held > 0 ? 'held' : '';
  return nextAttempt <= now ? 'now' : `in ${roughDuration(nextAttempt - now)}`;
}

function together(a: QueueFigures, b: QueueFigures): QueueFigures {
  const oldest = earlier(a.oldest, b.oldest);
  const nextAttempt = earlier(a.nextAttempt, b.nextAttempt);
  return {
    waiting: a.waiting + b.waiting,
    held: a.held + b.held,
    ages: a.ages.map((items, bucket) => items + (b.ages[bucket] ?? 0)),
    ...(oldest !== undefined && { oldest }),
    ...(nextAttempt !== undefined && { nextAttempt }),
  };
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
