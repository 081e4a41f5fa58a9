// What follows from the outcomes of an attempt: who is done, who is tried again and when, who is redirected, and what
// there is to tell the sender. Pure; the courier carries it out in one atomic change.

import type {
  Deferred,
  Delivered,
  DeliverySettings,
  Failed,
  Outcome,
  QueuedRecipient,
  QueueItem,
  WaitReason,
} from '../contract/index.ts';
import type { PermanentStatus } from '../smtp/index.ts';
import { type RecipientNews, wantsSuccess } from './news.ts';
import { replacements } from './redirection.ts';
import { nextAttempt } from './retry.ts';

/** An outcome for each of `item.recipients`, in their order. */
export type Outcomes = readonly Outcome[];

export interface Settlement {
  /** The item with whoever still waits; undefined when nobody does. */
  readonly remaining: QueueItem | undefined;
  /** What happened for good, and delays of which the sender has not heard; whether he wants to hear it is news.ts's. */
  readonly news: readonly RecipientNews[];
  /** The recipients that take the place of others. */
  readonly redirected: readonly QueuedRecipient[];
}

type Rules = Pick<DeliverySettings, 'retryAfter' | 'retryAfterByClass' | 'redirects'>;

/** Times of which the sender wants to know, milliseconds since the epoch. */
export interface Milestones {
  /** From then on a delay is worth a warning; undefined: never. */
  readonly warnAt: number | undefined;
  /** When an attempt is due in any case (RFC 2852); undefined: none. */
  readonly attemptAt?: number | undefined;
}

/** @param chance in [0, 1), asked once for an item that is tried again */
export function settlementOf(
  item: QueueItem,
  outcomes: Outcomes,
  now: number,
  rules: Rules,
  chance: () => number,
  { warnAt, attemptAt }: Milestones = { warnAt: undefined },
): Settlement {
  const waiting: QueuedRecipient[] = [];
  const news: RecipientNews[] = [];
  const warns = warnAt !== undefined && now >= warnAt && item.delayWarned !== true;
  const redirected = new Map<string, QueuedRecipient>();
  let deferral: Deferred | undefined;
  let retryAfter = 0;
  item.recipients.forEach((recipient, index) => {
    const outcome = outcomes[index] as Outcome;
    if (outcome.kind === 'failed') news.push(failure(recipient, outcome));
    else if (outcome.kind === 'delivered') {
      const told = success(recipient, outcome);
      if (told !== undefined) news.push(told);
    } else if (outcome.kind === 'redirected') {
      const { recipients, told } = replacements(recipient, outcome, item.transport, rules.redirects);
      if (told !== undefined) news.push(told);
      // Two aliases that lead to one person bring one message.
      for (const each of recipients) if (!redirected.has(each.address)) redirected.set(each.address, each);
    } else if (outcome.kind === 'deferred') {
      if (now >= item.expires) news.push(failure(recipient, expired(outcome)));
      else {
        waiting.push(recipient);
        if (warns) news.push(delay(recipient, outcome));
        deferral ??= outcome;
        retryAfter = Math.max(retryAfter, outcome.retryAfter ?? 0);
      }
    }
  });
  const others = { news, redirected: [...redirected.values()] };
  if (deferral === undefined) return { remaining: undefined, ...others };
  const attempts = item.attempts + 1;
  const waits = { retryAfter: rules.retryAfterByClass?.[deferral.class ?? 'other'] ?? rules.retryAfter };
  const planned = nextAttempt({ attempts, expires: item.expires }, now, waits, chance(), retryAfter);
  const due = attemptAt !== undefined && attemptAt > now ? Math.min(planned, attemptAt) : planned;
  const reason = reasonOf(item, deferral, now);
  const delayWarned = warns ? { delayWarned: true as const } : undefined;
  return { remaining: { ...item, recipients: waiting, attempts, due, reason, ...delayWarned }, ...others };
}

/**
 * What an attempt tells of its destination, whatever it says of the message: it was reached; it asks for less mail at a
 * time; nothing reaches it, and its lane should rest; or nothing, since nobody was asked.
 */
export type Reach = 'reached' | 'overcharged' | 'unreachable' | 'unasked';

/** @param outcomes with their classes */
export function reachOf(outcomes: Outcomes): Reach {
  let reach: Reach = 'reached';
  for (const outcome of outcomes) {
    if (outcome.kind !== 'deferred') continue;
    if (outcome.scope === 'destination') return 'unreachable';
    if (outcome.class === 'rate') reach = 'overcharged';
  }
  return reach;
}

/** The item as it is kept while the outcomes wait to be acted upon: none of these recipients is attempted again. */
export function withSettled(item: QueueItem, outcomes: readonly (Outcome | undefined)[]): QueueItem {
  const recipients = item.recipients.map((recipient, index): QueuedRecipient => {
    const outcome = outcomes[index];
    return outcome === undefined || outcome.kind === 'deferred'
      ? recipient
      : { ...recipient, settled: outcome };
  });
  return { ...item, recipients };
}

/** Refused for good after the message was accepted: by policy, or by an operator. */
export function refusedOutcomes(item: QueueItem, status: PermanentStatus, text: string): Outcomes {
  return item.recipients.map(({ settled }) => settled ?? { kind: 'failed', status, text });
}

/**
 * An item whose time ended while it waited for its destination: out of the lane, where it is not attempted again but
 * its sender is told. What it waited for last is remembered.
 */
export function overdue(item: QueueItem, now: number): QueueItem {
  const reason: WaitReason = item.reason.kind === 'deferred' ? item.reason : { ...UNREACHED, at: now };
  return { ...item, transport: null, destination: '', due: now, reason };
}

const UNREACHED = {
  kind: 'deferred',
  status: '4.4.1',
  text: 'The destination could not be reached',
} as const;

/** Whether the item has come through `overdue`: items without a route have a reason of their own. */
export function isOverdue({ transport, expires, reason }: QueueItem, now: number): boolean {
  return transport === null && reason.kind === 'deferred' && now >= expires;
}

export function overdueOutcomes({ recipients, reason }: QueueItem): Outcomes {
  const { status, text } = reason.kind === 'deferred' ? reason : UNREACHED;
  return recipients.map(({ settled }): Outcome => settled ?? timeUp(`${status} ${text}`));
}

function reasonOf({ transport }: QueueItem, deferral: Deferred, at: number): WaitReason {
  if (transport === null) return { kind: 'no-route' };
  const { status, text, class: given } = deferral;
  return { kind: 'deferred', status, text, at, ...(given && { class: given }) };
}

function failure(recipient: QueuedRecipient, { status, text, remote }: Failed): RecipientNews {
  return { action: 'failed', recipient, status, text, ...(remote && { remote }) };
}

function delay(recipient: QueuedRecipient, { status, text, remote }: Deferred): RecipientNews {
  return { action: 'delayed', recipient, status, text, ...(remote && { remote }) };
}

/** undefined: whoever has the message now tells the sender of it, or nobody asked. */
export function success(
  recipient: QueuedRecipient,
  { relayed, remote }: Delivered,
): RecipientNews | undefined {
  if (relayed === 'with-dsn' || !wantsSuccess(recipient)) return undefined;
  const action = relayed === undefined ? 'delivered' : 'relayed';
  return { action, recipient, status: '2.0.0', text: '', ...(remote && { remote }) };
}

/** What the last attempt met is told along. */
function expired({ status, text, remote }: Deferred): Failed {
  return { ...timeUp(`${status} ${text}`), ...(remote && { remote }) };
}

/** RFC 3463 §3.5: X.4.7, delivery time expired. */
function timeUp(last: string): Failed {
  return { kind: 'failed', status: '5.4.7', text: `Delivery time expired; the last problem was: ${last}` };
}
