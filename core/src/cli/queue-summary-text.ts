// The summary of the queue for people: who waits for what, and a table of ages in the manner of Postfix's qshape.

import { roughDuration } from '../server/configuration/index.ts';
import type { DestinationFigures, QueueFigures, QueueSummary } from '../server/control.ts';
import { clip, columns, visible } from './columns.ts';

const HEADS = ['VIA', 'WAITING', 'HELD', 'OLDEST', 'NEXT', 'LAST REPLY'];
/** Characters of a next hop, and of a reply. */
const WIDE = 40;
const WIDEST = 90;

/** @param rows at most so many destinations, the fullest; the others are summed */
export function summaryText(
  { ageBounds, total, destinations, rest }: QueueSummary,
  now: number,
  rows: number,
): string {
  if (total.waiting + total.held === 0) return 'The queue has nothing like that.\n';
  const shown = destinations.slice(0, rows);
  const hidden = destinations.slice(rows);
  const others = [...hidden, ...(rest === undefined ? [] : [rest])];
  const lines: [string, QueueFigures, string][] = [
    ['total', total, ''],
    ...shown.map((one): [string, QueueFigures, string] => [clip(via(one), WIDE), one, reply(one, now)]),
  ];
  if (others.length > 0) lines.push(['all others', others.reduce(together), '']);
  const figures = columns(
    HEADS,
    lines.map(([name, one, said]) => [
      name,
      String(one.waiting),
      String(one.held),
      one.oldest === undefined ? '' : roughDuration(now - one.oldest),
      next(one, now),
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

function reply({ lastReply }: DestinationFigures, now: number): string {
  if (lastReply === undefined) return '';
  const { status, text, at } = lastReply;
  return `${clip(visible(`${status} ${text}`), WIDEST)} (${roughDuration(now - at)} ago)`;
}

function next({ nextAttempt }: QueueFigures, now: number): string {
  if (nextAttempt === undefined) return 'held';
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
