// Queue entries for people. Addresses, destinations and replies came from outside: they are shown, never obeyed.

import type { QueueEntry, QueuePage } from '../contract/index.ts';
import { roughByteSize, roughDuration } from '../server/configuration/index.ts';
import { clip, columns, visible } from './columns.ts';

const HEADS = ['ITEM', 'AGE', 'SIZE', 'TRIES', 'NEXT', 'SENDER', 'RECIPIENTS', 'VIA', 'WHY'];
/** Characters of an address or a next hop in the table. */
const WIDE = 32;
/** Characters of a reason in the table; `show` has it in full. */
const WIDEST = 90;

/** Where nothing is shown. @param filtered not the whole queue was looked at */
export function nothingText(filtered: boolean): string {
  return filtered ? 'Nothing in the queue fits.\n' : 'The queue is empty.\n';
}

/** @param filtered there may be more than what was asked for */
export function pageText({ entries, next }: QueuePage, now: number, filtered = false): string {
  if (entries.length === 0) return nothingText(filtered);
  const table = columns(
    HEADS,
    entries.map((entry) => rowOf(entry, now)),
  );
  return next === undefined ? table : `${table}More follows: --after ${visible(next)}\n`;
}

function rowOf({ item, message }: QueueEntry, now: number): readonly string[] {
  const [first] = item.recipients;
  const others = item.recipients.length - 1;
  return [
    visible(item.id),
    roughDuration(now - message.arrivedAt),
    roughByteSize(message.size),
    String(item.attempts),
    item.state === 'held' ? 'held' : wait(item.due, now),
    clip(sender(first?.sender ?? message.sender), WIDE),
    `${clip(visible(first?.address ?? ''), WIDE)}${others > 0 ? ` +${others}` : ''}`,
    clip(via(item), WIDE),
    clip(why({ item, message }, now), WIDEST),
  ];
}

/** @param inDelivery it is being delivered at the moment */
export function entryText({ item, message }: QueueEntry, now: number, inDelivery = false): string {
  const { origin } = message;
  const from = [origin.remoteAddress, origin.helo, origin.user, origin.listener, origin.session].filter(
    (part) => part !== undefined,
  );
  const rows = [
    ['item', visible(item.id)],
    ['message', visible(message.id)],
    ['arrived', `${time(message.arrivedAt)}, ${roughDuration(now - message.arrivedAt)} ago`],
    ['from', visible(from.join(', '))],
    ['size', roughByteSize(message.size)],
    ['sender', senders(item.recipients[0]?.sender, message.sender)],
    ...item.recipients.map(({ address, redirectedBy }) => [
      'recipient',
      `${visible(address)}${redirectedBy === undefined ? '' : ` (by ${visible(redirectedBy.join(', '))})`}`,
    ]),
    ['via', via(item)],
    ['state', item.state],
    ['why', why({ item, message }, now)],
    ...(item.priority === undefined ? [] : [['priority', item.priority]]),
    ['attempts', String(item.attempts)],
    ['next', inDelivery ? 'it is being delivered now' : next(item, now)],
    ['expires', item.reason.kind === 'held-by-operator' ? 'not while it is held' : time(item.expires)],
  ];
  return columns([], rows);
}

function sender(address: string): string {
  return address === '' ? '<>' : visible(address);
}

function senders(now: string | undefined, first: string): string {
  return now === undefined ? sender(first) : `${sender(now)} (in place of ${sender(first)})`;
}

function via({ transport, destination }: QueueEntry['item']): string {
  return transport === null ? 'no route' : visible(`${transport} ${destination}`.trim());
}

function next({ state, reason, due }: QueueEntry['item'], now: number): string {
  if (state === 'waiting') return `${time(due)}, ${wait(due, now)}`;
  return reason.kind === 'quarantined'
    ? 'when somebody decides, or dropped when it expires'
    : 'when somebody decides';
}

function wait(due: number, now: number): string {
  return due <= now ? 'now' : `in ${roughDuration(due - now)}`;
}

function time(at: number): string {
  return new Date(at).toISOString();
}

function why({ item, message }: QueueEntry, now: number): string {
  const { reason } = item;
  const { holdFor, holdUntil } = message.parameters;
  // RFC 4865
  if (item.attempts === 0 && item.due > now && (holdFor !== undefined || holdUntil !== undefined))
    return 'its sender wants it to go later';
  switch (reason.kind) {
    case 'fresh':
      return 'first attempt';
    case 'no-route':
      return 'no plugin claims the recipient';
    case 'deferred':
      return visible(
        `${reason.class === undefined ? '' : `[${reason.class}] `}${reason.status} ${reason.text}`,
      );
    case 'refused':
      return visible(`to be returned: ${reason.plugin} said ${reason.status} ${reason.text}`);
    case 'quarantined':
      return visible(`quarantined by ${reason.plugin}: ${reason.text}`);
    case 'held-by-operator':
      return 'held by an operator';
    case 'asked-by-operator':
      return 'asked for by an operator';
  }
}
