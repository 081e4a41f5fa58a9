// CommitDesk: where a message that is ready goes to become durable. The queue's own (queue-desk.ts) lives beside the
// store; a receiving worker has one that hands everything over to the thread with the queue (server/workers/).

import {
  type ClaimContext,
  type MessageBody,
  type MessageDraft,
  type MessageRecord,
  type Priority,
  type Recipient,
  type Token,
  token,
} from '../contract/index.ts';
import type { Fated } from './envelope-edits.ts';

/** A message as it will be kept, edits and signatures done: all that the commit needs of it. */
export interface ReadyMessage {
  readonly record: MessageRecord;
  /** From this desk's `draft`. */
  readonly body: MessageBody;
  /** Those for whom something is kept; never empty. */
  readonly kept: readonly Fated[];
  /** All that the client named. */
  readonly recipients: readonly Recipient[];
  /** For the claims of the transports. */
  readonly about: ClaimContext;
  /** Milliseconds; undefined for `delivery.expireAfter`. */
  readonly expireAfter: number | undefined;
  /** Undefined: normal. */
  readonly priority: Priority | undefined;
}

export interface CommitDesk {
  draft(): MessageDraft;
  /** Durable, announced and on its way when it resolves. Rejects with `store-full` or `store-failed`; then nothing is kept. */
  commit(ready: ReadyMessage): Promise<void>;
}
export const CommitDesk: Token<CommitDesk> = token<CommitDesk>('CommitDesk');
