// What follows from the outcomes of an attempt: who is done, who is tried again and when, who is redirected, and for
// whom the sender gets a bounce. Pure; the scheduler carries it out in one atomic change.

import type {
  Deferred,
  DeliverySettings,
  Failed,
  Outcome,
  QueuedRecipient,
  QueueItem,
  Redirected,
  WaitReason,
} from '../contract/index.ts';
import type { PermanentStatus } from '../smtp/index.ts';
import { nextAttempt } from './retry.ts';

/** An outcome for each of `item.recipients`, in their order. */
export type Outcomes = readonly Outcome[];

export interface FailedRecipient {
  readonly recipient: QueuedRecipient;
  readonly outcome: Failed;
}

export interface Settlement {
  /** The item with whoever still waits; undefined when nobody does. */
  readonly remaining: QueueItem | undefined;
  readonly failed: readonly FailedRecipient[];
  /** The recipients that take the place of others: each keeps what RFC 3461 asked for the one that it replaces. */
  readonly redirected: readonly QueuedRecipient[];
}

type Rules = Pick<DeliverySettings, 'retryAfter' | 'redirects'>;

/** @param chance in [0, 1), asked once for an item that is tried again */
export function settlementOf(
  item: QueueItem,
  outcomes: Outcomes,
  now: number,
  rules: Rules,
  chance: () => number,
): Settlement {
  const waiting: QueuedRecipient[] = [];
  const failed: FailedRecipient[] = [];
  const redirected = new Map<string, QueuedRecipient>();
  let deferral: Deferred | undefined;
  let retryAfter = 0;
  item.recipients.forEach((recipient, index) => {
    const outcome = outcomes[index] as Outcome;
    if (outcome.kind === 'failed') failed.push({ recipient, outcome });
    else if (outcome.kind === 'redirected')
      redirect(item, recipient, outcome, rules.redirects, failed, redirected);
    else if (outcome.kind === 'deferred') {
      if (now >= item.expires) failed.push({ recipient, outcome: expired(outcome) });
      else {
        waiting.push(recipient);
        deferral ??= outcome;
        retryAfter = Math.max(retryAfter, outcome.retryAfter ?? 0);
      }
    }
  });
  const news = { failed, redirected: [...redirected.values()] };
  if (deferral === undefined) return { remaining: undefined, ...news };
  const attempts = item.attempts + 1;
  const due = nextAttempt({ attempts, expires: item.expires }, now, rules, chance(), retryAfter);
  return {
    remaining: { ...item, recipients: waiting, attempts, due, reason: reasonOf(item, deferral, now) },
    ...news,
  };
}

/** Nothing reaches the destination: its lane should rest. */
export function isUnreachable(outcomes: Outcomes): boolean {
  return outcomes.some((outcome) => outcome.kind === 'deferred' && outcome.scope === 'destination');
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

/** Refused by policy for these recipients after the message was accepted for others. */
export function refusedOutcomes(item: QueueItem, status: PermanentStatus, text: string): Outcomes {
  return item.recipients.map(() => ({ kind: 'failed', status, text }));
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

function reasonOf({ transport }: QueueItem, { status, text }: Deferred, at: number): WaitReason {
  return transport === null ? { kind: 'no-route' } : { kind: 'deferred', status, text, at };
}

function redirect(
  { transport }: QueueItem,
  recipient: QueuedRecipient,
  { to, sender }: Redirected,
  limit: number,
  failed: FailedRecipient[],
  redirected: Map<string, QueuedRecipient>,
): void {
  const redirectedBy = [...(recipient.redirectedBy ?? []), transport ?? ''];
  if (redirectedBy.length > limit) {
    const text = 'Too many redirections: the address seems to be in a loop';
    failed.push({ recipient, outcome: { kind: 'failed', status: '5.4.6', text } });
    return;
  }
  const { parameters } = recipient;
  const from = sender === undefined ? recipient.sender : (sender?.toString() ?? '');
  for (const target of to) {
    const address = target.toString();
    // Two aliases that lead to one person bring one message.
    if (redirected.has(address)) continue;
    redirected.set(address, {
      address,
      ...(parameters && { parameters }),
      redirectedBy,
      ...(from !== undefined && { sender: from }),
    });
  }
}

/** What the last attempt met is told along. */
function expired({ status, text, remote }: Deferred): Failed {
  return { ...timeUp(`${status} ${text}`), ...(remote && { remote }) };
}

/** RFC 3463 §3.5: X.4.7, delivery time expired. */
function timeUp(last: string): Failed {
  return { kind: 'failed', status: '5.4.7', text: `Delivery time expired; the last problem was: ${last}` };
}
