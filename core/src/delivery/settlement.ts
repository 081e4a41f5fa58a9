// What follows from the outcomes of an attempt: who is done, who is tried again and when, who is redirected, and for
// whom the sender gets a bounce. Pure; the scheduler carries it out in one atomic change.

import type { Deferred, DeliverySettings, Failed, Outcome, QueuedRecipient, QueueItem, WaitReason } from '../contract/index.ts';
import type { Mailbox, PermanentStatus } from '../smtp/index.ts';
import type { Outcomes } from './attempt.ts';
import { nextAttempt } from './retry.ts';

export interface FailedRecipient {
  readonly recipient: QueuedRecipient;
  readonly outcome: Failed;
}

export interface RedirectedRecipient {
  readonly recipient: QueuedRecipient;
  readonly to: Mailbox;
  /** What the new recipient remembers. */
  readonly redirectedBy: readonly string[];
}

export interface Settlement {
  /** The item with whoever still waits; undefined when nobody does. */
  readonly remaining: QueueItem | undefined;
  readonly failed: readonly FailedRecipient[];
  readonly redirected: readonly RedirectedRecipient[];
  /** Nothing reaches the destination: its lane should rest. */
  readonly unreachable: boolean;
}

export function settlementOf(
  item: QueueItem,
  outcomes: Outcomes,
  now: number,
  settings: DeliverySettings,
  chance: number,
): Settlement {
  const waiting: QueuedRecipient[] = [];
  const failed: FailedRecipient[] = [];
  const redirected: RedirectedRecipient[] = [];
  let deferral: Deferred | undefined;
  let unreachable = false;
  let retryAfter = 0;
  item.recipients.forEach((recipient, index) => {
    const outcome = outcomes[index] as Outcome;
    switch (outcome.kind) {
      case 'delivered':
      case 'discarded':
        return;
      case 'failed':
        failed.push({ recipient, outcome });
        return;
      case 'redirected':
        redirect(item, recipient, outcome.to, settings, failed, redirected);
        return;
      case 'deferred':
        if (outcome.scope === 'destination') unreachable = true;
        if (now >= item.expires) failed.push({ recipient, outcome: expired(outcome) });
        else {
          waiting.push(recipient);
          deferral ??= outcome;
          retryAfter = Math.max(retryAfter, outcome.retryAfter ?? 0);
        }
    }
  });
  if (deferral === undefined) return { remaining: undefined, failed, redirected, unreachable };
  const attempts = item.attempts + 1;
  const { status, text } = deferral;
  const reason: WaitReason = item.transport === null ? { kind: 'no-route' } : { kind: 'deferred', status, text, at: now };
  const due = nextAttempt({ attempts, expires: item.expires }, now, settings, chance, retryAfter);
  return { remaining: { ...item, recipients: waiting, attempts, due, reason }, failed, redirected, unreachable };
}

function redirect(
  item: QueueItem,
  recipient: QueuedRecipient,
  to: readonly Mailbox[],
  settings: DeliverySettings,
  failed: FailedRecipient[],
  redirected: RedirectedRecipient[],
): void {
  const redirectedBy = [...(recipient.redirectedBy ?? []), item.transport ?? ''];
  if (redirectedBy.length > settings.redirects) {
    failed.push({ recipient, outcome: { kind: 'failed', status: '5.4.6', text: 'Too many redirections: the address seems to be in a loop' } });
    return;
  }
  for (const target of to) redirected.push({ recipient, to: target, redirectedBy });
}

/** RFC 3463: X.4.7, delivery time expired. What the last attempt met is told along. */
function expired({ status, text, remote }: Deferred): Failed {
  const last = `${status} ${text}`;
  return { kind: 'failed', status: '5.4.7', text: `Delivery time expired; the last attempt met: ${last}`, ...(remote && { remote }) };
}

/** The recipient that takes the place of another: it keeps what RFC 3461 asked for the first one. */
export function redirectedRecipient({ recipient, to, redirectedBy }: RedirectedRecipient): QueuedRecipient {
  return {
    address: to.toString(),
    ...(recipient.parameters && { parameters: recipient.parameters }),
    redirectedBy,
  };
}

/** Refused by policy for this recipient after the message was accepted for others. */
export function refusedOutcomes(item: QueueItem, status: PermanentStatus, text: string): Outcomes {
  return item.recipients.map(() => ({ kind: 'failed', status, text }));
}

