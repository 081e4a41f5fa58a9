// What people pick items of the queue by, and whether an entry is picked: one meaning for every store. Pure.

import type { QueueEntry, QueueItem, WaitReason } from './stores.ts';

/** An entry is picked when it fits every key that is set. */
export interface QueueFilter {
  /** The id of the message. */
  readonly message?: string;
  readonly item?: string;
  readonly transport?: string;
  readonly destination?: string;
  readonly state?: QueueItem['state'];
  readonly reason?: WaitReason['kind'];
  /** The envelope sender: an address, `@domain` for every address of a domain, '' for the null sender. */
  readonly sender?: string;
  /** An address, or `@domain`. */
  readonly recipient?: string;
  /** Arrived before this time (milliseconds since the epoch). */
  readonly arrivedBefore?: number;
  /** Arrived at this time or later. */
  readonly arrivedAfter?: number;
}

const REASONS: { readonly [K in WaitReason['kind']]: true } = {
  fresh: true,
  'no-route': true,
  deferred: true,
  refused: true,
  quarantined: true,
  'held-by-operator': true,
  'asked-by-operator': true,
};
/** Every kind of reason to wait. */
export const waitReasons: readonly WaitReason['kind'][] = Object.keys(REASONS) as WaitReason['kind'][];

export const queueStates: readonly QueueItem['state'][] = ['waiting', 'held'];

export function matchesFilter(filter: QueueFilter, { item, message }: QueueEntry): boolean {
  const { sender, recipient } = filter;
  return (
    (filter.message === undefined || item.message === filter.message) &&
    (filter.item === undefined || item.id === filter.item) &&
    (filter.transport === undefined || item.transport === filter.transport) &&
    (filter.destination === undefined || item.destination === filter.destination) &&
    (filter.state === undefined || item.state === filter.state) &&
    (filter.reason === undefined || item.reason.kind === filter.reason) &&
    (sender === undefined || isAt(item.recipients[0]?.sender ?? message.sender, sender)) &&
    (recipient === undefined || item.recipients.some(({ address }) => isAt(address, recipient))) &&
    (filter.arrivedBefore === undefined || message.arrivedAt < filter.arrivedBefore) &&
    (filter.arrivedAfter === undefined || message.arrivedAt >= filter.arrivedAfter)
  );
}

/** Without regard to case: people look for a mailbox, not for its spelling. */
function isAt(address: string, wanted: string): boolean {
  if (address.length < wanted.length) return false;
  const end = wanted.startsWith('@') ? address.slice(address.lastIndexOf('@')) : address;
  return end.length === wanted.length && end.toLowerCase() === wanted.toLowerCase();
}
