// What a transport answers the queue with, recipient by recipient. Plain data, JSON only: it is stored with the item.

import type { Mailbox, PermanentStatus, ReversePath, TransientStatus } from '../smtp/index.ts';
import type { BounceClass } from './bounce-class.ts';

/** The transport has taken responsibility: the message is safe with the next hop or in the mailbox. */
export interface Delivered {
  readonly kind: 'delivered';
  /** What the next hop said, for the log. */
  readonly text?: string;
  /** The next hop's words, for notices. */
  readonly remote?: RemoteReply;
  /**
   * Set where the message went to another mail server, not into a mailbox: has that server taken over the wishes for
   * notices (RFC 3461 §5.2.1), or does the sender who asked hear from us that nobody will tell (§5.2.2)?
   */
  readonly relayed?: 'with-dsn' | 'without-dsn';
}
/** Permanent: the sender gets a bounce (RFC 3464), and the recipient leaves the queue. */
export interface Failed {
  readonly kind: 'failed';
  readonly status: PermanentStatus;
  readonly text: string;
  readonly remote?: RemoteReply;
  /** Default: what the BounceClassifier makes of it. */
  readonly class?: BounceClass;
}
/** Transient: tried again by the retry schedule until the item expires. */
export interface Deferred {
  readonly kind: 'deferred';
  readonly status: TransientStatus;
  readonly text: string;
  readonly remote?: RemoteReply;
  /** Milliseconds before which another attempt makes no sense; the schedule may wait longer. */
  readonly retryAfter?: number;
  /** `destination`: nothing can reach this next hop now, so its other items wait as well. Default `recipient`. */
  readonly scope?: 'recipient' | 'destination';
  /** Default: what the BounceClassifier makes of it. */
  readonly class?: BounceClass;
}
/** Replaced by other recipients (aliases, forwards), which are claimed and queued anew, durably. */
export interface Redirected {
  readonly kind: 'redirected';
  readonly to: readonly Mailbox[];
  /** The envelope sender from here on (SRS, lists): it is who hears of failures. Default: as it was. */
  readonly sender?: ReversePath;
  /** The sender must not learn the new addresses: no notice is sent about them (RFC 3461 §5.2.7.3). */
  readonly confidential?: true;
}
/** Gone without a notice; the reason is logged. */
export interface Discarded {
  readonly kind: 'discarded';
  readonly reason: string;
}

/** The next hop's own words: Remote-MTA and Diagnostic-Code of a bounce (RFC 3464 §2.3.5, §2.3.6). */
export interface RemoteReply {
  readonly host: string;
  readonly reply: string;
}

export type Outcome = Delivered | Failed | Deferred | Redirected | Discarded;

export const Outcome = {
  delivered: (text?: string, details?: Pick<Delivered, 'remote' | 'relayed'>): Delivered =>
    text === undefined ? { kind: 'delivered', ...details } : { kind: 'delivered', text, ...details },
  failed: (status: PermanentStatus, text: string, remote?: RemoteReply): Failed => ({
    kind: 'failed',
    status,
    text,
    ...(remote && { remote }),
  }),
  deferred: (
    status: TransientStatus,
    text: string,
    details?: Pick<Deferred, 'remote' | 'retryAfter' | 'scope'>,
  ): Deferred => ({ kind: 'deferred', status, text, ...details }),
  redirected: (
    to: readonly Mailbox[],
    details?: Pick<Redirected, 'sender' | 'confidential'>,
  ): Redirected => ({
    kind: 'redirected',
    to,
    ...details,
  }),
  discarded: (reason: string): Discarded => ({ kind: 'discarded', reason }),
} as const;
