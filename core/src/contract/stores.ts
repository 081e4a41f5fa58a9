// The queue's memory. The store remembers, the scheduler decides: no store knows about retries, lanes or DNS.
// Every store passes the same contract test (testing/queue-store-contract.ts).

import type { PermanentStatus, RcptParameters, TransientStatus } from '../smtp/index.ts';
import type { BounceClass } from './bounce-class.ts';
import type { MessageRecord } from './message.ts';
import type { Outcome } from './outcome.ts';
import type { QueueFilter } from './queue-filter.ts';
import { type Token, token } from './token.ts';

/** One message for the recipients of one destination: the unit of scheduling and of retrying. JSON only. */
export interface QueueItem {
  /** Unique, and later items sort behind earlier ones. */
  readonly id: string;
  /** The id of the message. */
  readonly message: string;
  /** The plugin whose `claim` named the destination; null while no plugin claims the recipients. */
  readonly transport: string | null;
  /** The next hop in the transport's own words, '' while there is none. With `transport` it names the lane. */
  readonly destination: string;
  /** Whoever still waits for the message; never empty. */
  readonly recipients: readonly QueuedRecipient[];
  /** `held` items wait for a person, not for a time. */
  readonly state: 'waiting' | 'held';
  /** Why it waits. Every item has a reason and a time when the waiting ends. */
  readonly reason: WaitReason;
  /** Attempts made so far. */
  readonly attempts: number;
  /** When the next attempt is due, milliseconds since the epoch. */
  readonly due: number;
  /** When the sender is told that it was in vain; of a quarantined item, when it is taken out of the queue in silence. */
  readonly expires: number;
  /** The sender has been told that it takes long. */
  readonly delayWarned?: true;
  /** Whose turn it is first within a lane. Default: normal. */
  readonly priority?: Priority;
}

/** `high`: before all others; `bulk`: when the others leave time. None of them shuts another out. */
export type Priority = 'high' | 'normal' | 'bulk';

export interface QueuedRecipient {
  /** RFC 5321 form. */
  readonly address: string;
  readonly parameters?: RcptParameters;
  /** The plugins that replaced an earlier recipient by this one, in order: its length is the bound on redirection loops. */
  readonly redirectedBy?: readonly string[];
  /**
   * The reverse-path that a redirection put in place of the message's, '' for the null path. All recipients of an item
   * have the same.
   */
  readonly sender?: string;
  /** Settled in mid-delivery: not attempted again, whatever happens to the process. Acted upon with the whole item. */
  readonly settled?: Outcome;
}

export type WaitReason =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'no-route' }
  | {
      readonly kind: 'deferred';
      readonly status: TransientStatus | PermanentStatus;
      readonly text: string;
      readonly at: number;
      /** Missing in queues of earlier versions. */
      readonly class?: BounceClass;
    }
  /** Refused by a plugin when other recipients of the message were accepted; the next step is the bounce. */
  | {
      readonly kind: 'refused';
      readonly plugin: string;
      readonly status: PermanentStatus;
      readonly text: string;
    }
  /** Held since its commit: a plugin was in doubt. Taken out of the queue at `expires`, unless a person has decided. */
  | { readonly kind: 'quarantined'; readonly plugin: string; readonly text: string }
  /** Held until a person lets it go, whatever the time. */
  | { readonly kind: 'held-by-operator'; readonly at: number }
  | { readonly kind: 'asked-by-operator'; readonly at: number };

/** Bytes on their way into the store. */
export interface MessageDraft {
  /**
   * Takes the bytes over (the caller must not change them afterwards). A promise means: wait before the next write.
   * Rejects with `store-full` or `store-failed`; the draft is then only good for `discard`.
   */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** No more bytes will come; the body can be read, and committed with `QueueStore.commit`. */
  finish(): Promise<MessageBody> | MessageBody;
  /** Forgets everything, before or after `finish`, unless a commit has taken the body. Never throws. */
  discard(): void;
}

/** Bytes that were drafted. Whoever drafted them discards them, unless a commit took them. */
export interface MessageBody {
  readonly size: number;
  /** The bytes, where they are in memory anyway. */
  readonly inMemory: readonly Uint8Array[] | undefined;
  open(): AsyncIterable<Uint8Array>;
  discard(): void;
}

/** A change of the queue, made whole or not at all. */
export interface QueueChange {
  /** New messages with their items. */
  readonly put?: readonly NewMessage[];
  /** Items that join a message already in the queue (redirects). */
  readonly add?: readonly QueueItem[];
  /** New states of items; the lease is given back. */
  readonly update?: readonly QueueItem[];
  /** New states of items in mid-delivery; the lease is kept. */
  readonly progress?: readonly QueueItem[];
  /** Items that are done. With its last item a message goes, body included. */
  readonly remove?: readonly QueueItem[];
  /** Lanes out of which nothing is taken any more, by any instance, until they are resumed. */
  readonly suspend?: readonly Suspension[];
  readonly resume?: readonly Lane[];
}

export interface NewMessage {
  readonly message: MessageRecord;
  /** Must come from this store's `draft`. */
  readonly body: MessageBody;
  readonly items: readonly QueueItem[];
  /** Until when the caller holds the lease of what it puts; undefined leaves the items to whoever takes them. */
  readonly leaseUntil: number | undefined;
}

export interface QueueEntry {
  readonly item: QueueItem;
  readonly message: MessageRecord;
}

export interface TakeRequest {
  readonly now: number;
  readonly limit: number;
  /** The items are leased to this store instance until then; `renew` extends it. */
  readonly leaseUntil: number;
  /** Lanes that are left out because they are saturated or resting. */
  readonly except: readonly Lane[];
  /** Lanes that have room for a few items: no more than these are taken. Default: for as many as come. */
  readonly rooms?: readonly LaneRoom[];
}

export interface Lane {
  readonly transport: string | null;
  readonly destination: string;
}

/** How many items of a lane are wanted. */
export interface LaneRoom extends Lane {
  /** At least 1. */
  readonly room: number;
}

/** A lane that an operator has suspended. */
export interface Suspension extends Lane {
  /** Milliseconds since the epoch. */
  readonly since: number;
}

export interface QueuePage {
  readonly entries: readonly QueueEntry[];
  /** Give it back as `after` for the next page; undefined on the last one. */
  readonly next: string | undefined;
}

export interface QueueStore {
  draft(): MessageDraft;
  /**
   * Durable and atomic when it resolves: after a power cut all of the change is there, and not before it resolves
   * is any of it promised. Rejects with `store-full` or `store-failed`; then none of it has happened.
   * Updating or removing an item that is gone does nothing: the operator may have dropped it.
   */
  commit(change: QueueChange): Promise<void>;
  /**
   * Waiting items that are due, not leased and in no suspended lane, the longest due first, leased from now on to this
   * instance.
   */
  take(request: TakeRequest): Promise<readonly QueueEntry[]>;
  /** Extends every lease that this instance holds. */
  renew(leaseUntil: number): Promise<void>;
  /** The body of a queued message, without `MessageRecord.head`. Throws `message-missing` when it is gone. */
  body(message: string): AsyncIterable<Uint8Array>;
  /** For people: by id order, a page at a time. Leases do not matter here. */
  find(filter: QueueFilter, limit: number, after?: string): Promise<QueuePage>;
  counts(): Promise<QueueCounts>;
  /** The lanes that are suspended, the longest suspended first. */
  suspended(): Promise<readonly Suspension[]>;
}
export interface QueueCounts {
  readonly messages: number;
  readonly waiting: number;
  readonly held: number;
  /** Entries that could not be read and were set aside. */
  readonly damaged: number;
}
export const QueueStore: Token<QueueStore> = token<QueueStore>('QueueStore');
