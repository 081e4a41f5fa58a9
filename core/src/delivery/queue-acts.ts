// What an operator can do with an item of the queue: which items an act concerns, and what it makes of them. Pure.

import type { QueueAction, QueueEntry, QueueItem } from '../contract/index.ts';
import type { PermanentStatus } from '../smtp/index.ts';
import { expiryOf } from './retry.ts';

export type QueueAct =
  /** Waiting items are delivered no more until somebody releases them. */
  | { readonly do: 'hold' }
  /** Held items are delivered as if they had just been accepted, with their whole time before them. */
  | { readonly do: 'release' }
  /** Waiting items are due now, and the rest of their destinations ends. */
  | { readonly do: 'retry' }
  /** Out of the queue for good, without a notice. */
  | { readonly do: 'drop' }
  /** Out of the queue, and the sender is told: with these words, or with our own. */
  | { readonly do: 'bounce'; readonly text?: string }
  /** To another next hop, in the words of the transport: that of the item, or another. */
  | { readonly do: 'reroute'; readonly destination: string; readonly transport?: string }
  /** Every transport is asked for its claim again: after a change of the configuration. */
  | { readonly do: 'reroute'; readonly anew: true };

export const ACTION_OF: { readonly [A in QueueAct['do']]: QueueAction } = {
  hold: 'held',
  release: 'released',
  retry: 'retried',
  drop: 'dropped',
  bounce: 'bounced',
  reroute: 'rerouted',
};

/** RFC 3463 §3.8: X.7.1, delivery not authorized, message refused. */
const BOUNCED: PermanentStatus = '5.7.1';
const BOUNCED_TEXT = 'The administrator of this server has returned the message';

/** Whether the act has a meaning for the item. What a plugin refused goes to its bounce whatever is done to it, or is dropped. */
export function concerns(act: QueueAct, { state, reason, transport }: QueueItem): boolean {
  switch (act.do) {
    case 'drop':
      return true;
    case 'release':
      return state === 'held';
    case 'retry':
      return state === 'waiting';
    case 'hold':
      return state === 'waiting' && reason.kind !== 'refused';
    case 'bounce':
      return reason.kind !== 'refused';
    case 'reroute':
      return reason.kind !== 'refused' && ('anew' in act || (act.transport ?? transport) !== null);
  }
}

/** The item after the act. Not for `drop`. */
export function afterAct(
  act: Exclude<QueueAct, { readonly do: 'drop' }>,
  { item }: QueueEntry,
  now: number,
  settings: { readonly expireAfter: number },
): QueueItem {
  switch (act.do) {
    case 'hold':
      return { ...item, state: 'held', reason: { kind: 'held-by-operator', at: now } };
    case 'retry':
      return askedFor(item, now);
    case 'release':
      return { ...askedFor(item, now), state: 'waiting', expires: expiryOf(now, settings) };
    case 'bounce': {
      const text = act.text ?? BOUNCED_TEXT;
      const reason = { kind: 'refused', plugin: 'operator', status: BOUNCED, text } as const;
      return { ...item, state: 'waiting', transport: null, destination: '', due: now, reason };
    }
    case 'reroute': {
      const lane =
        'anew' in act
          ? { transport: null, destination: '' }
          : { transport: act.transport ?? item.transport, destination: act.destination };
      return item.state === 'held' ? { ...item, ...lane } : { ...askedFor(item, now), ...lane };
    }
  }
}

function askedFor(item: QueueItem, now: number): QueueItem {
  return { ...item, due: now, reason: { kind: 'asked-by-operator', at: now } };
}
