// What a notice can tell of a recipient (RFC 3464 §2.3.3), and whether the sender wants to hear it (RFC 3461 §4.1). Pure.

import type { QueuedRecipient, RemoteReply } from '../contract/index.ts';
import type { EnhancedStatus } from '../smtp/index.ts';

/**
 * `relayed`: handed to a next hop that will send no notice; `expanded`: sent on to several addresses, of whose success
 * nothing more is told.
 */
export type Action = 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';

/** In the order in which notices about one attempt are written. */
export const ACTIONS: readonly Action[] = ['failed', 'delayed', 'delivered', 'relayed', 'expanded'];

export interface RecipientNews {
  readonly action: Action;
  readonly recipient: QueuedRecipient;
  readonly status: EnhancedStatus;
  /** '' where there is nothing to say beyond the status. */
  readonly text: string;
  readonly remote?: RemoteReply;
}

export function isWanted({ action, recipient }: RecipientNews): boolean {
  const notify = recipient.parameters?.notify;
  // Without NOTIFY, failures and delays are told, successes are not.
  if (action === 'failed') return notify?.includes('FAILURE') ?? true;
  if (action === 'delayed') return notify?.includes('DELAY') ?? true;
  return wantsSuccess(recipient);
}

export function wantsSuccess({ parameters }: QueuedRecipient): boolean {
  return parameters?.notify?.includes('SUCCESS') ?? false;
}
