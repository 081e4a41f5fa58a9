// What a handler answers the client with. A verdict is plain data; only the core turns it into a reply.
// Which verdicts a hook may give stands in hooks.ts; what silence means, in hooks/defaults.ts.

import type { Mailbox, PermanentStatus, TransientStatus } from '../smtp/index.ts';

export interface VerdictDetails {
  /** A machine-readable tag for logs, traces and other tools, for example `spf.fail`. */
  readonly reason?: string;
  /** The reply code, where the default for the status (550, 451…) is not the right one. */
  readonly code?: number;
}

/** No opinion: the next handler is asked. The same as returning nothing. */
export interface Continue {
  readonly kind: 'continue';
}
/** A claim. It never hides a later veto: the remaining handlers are still asked. */
export interface Accept extends VerdictDetails {
  readonly kind: 'accept';
}
/** A permanent veto (5yz). */
export interface Reject extends VerdictDetails {
  readonly kind: 'reject';
  readonly status: PermanentStatus;
  readonly text: string;
}
/** A transient veto (4yz): the client should try again later. */
export interface Defer extends VerdictDetails {
  readonly kind: 'defer';
  readonly status: TransientStatus;
  readonly text: string;
}
/** A veto that ends the connection: 421 and close. */
export interface Disconnect extends VerdictDetails {
  readonly kind: 'disconnect';
  readonly text: string;
}
/** Answer 250, keep nothing. The reason is logged, never sent. */
export interface Discard {
  readonly kind: 'discard';
  readonly reason: string;
}
/**
 * Answer 250, keep the message in the queue as held, deliver nothing until an operator releases it. What nobody releases
 * within `delivery.quarantineFor` is dropped without a notice. The reason is for the operator, never sent.
 */
export interface Quarantine {
  readonly kind: 'quarantine';
  readonly reason: string;
}
/** Different answers for different recipients of one message. Recipients without an entry get `continue`. */
export interface PerRecipient {
  readonly kind: 'per-recipient';
  readonly verdicts: ReadonlyMap<Mailbox, RecipientVerdict>;
}

/** What may be said of one recipient of a message. */
export type RecipientVerdict = Continue | Accept | Reject | Defer | Discard | Quarantine;

export type Verdict = RecipientVerdict | Disconnect | PerRecipient;

/** The verdicts that end the asking of a hook. */
export type Veto = Reject | Defer | Disconnect | Discard | Quarantine;

const CONTINUE: Continue = Object.freeze({ kind: 'continue' });
const ACCEPT: Accept = Object.freeze({ kind: 'accept' });

export const Verdict = {
  continue: (): Continue => CONTINUE,
  accept: (details?: VerdictDetails): Accept => (details ? { kind: 'accept', ...details } : ACCEPT),
  /** @param text what the client reads: generic, without internal detail; the core escapes it. */
  reject: (status: PermanentStatus, text: string, details?: VerdictDetails): Reject => ({
    kind: 'reject',
    status,
    text,
    ...details,
  }),
  /** @param text what the client reads: generic, without internal detail; the core escapes it. */
  defer: (status: TransientStatus, text: string, details?: VerdictDetails): Defer => ({
    kind: 'defer',
    status,
    text,
    ...details,
  }),
  disconnect: (text: string, details?: VerdictDetails): Disconnect => ({
    kind: 'disconnect',
    text,
    ...details,
  }),
  discard: (reason: string): Discard => ({ kind: 'discard', reason }),
  quarantine: (reason: string): Quarantine => ({ kind: 'quarantine', reason }),
  perRecipient: (verdicts: ReadonlyMap<Mailbox, RecipientVerdict>): PerRecipient => ({
    kind: 'per-recipient',
    verdicts,
  }),
} as const;
