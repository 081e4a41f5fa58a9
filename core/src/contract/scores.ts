// What plugins that judge tell each other: weighted reasons, which leave the decision to one that adds up (check-score),
// and whom the administrator has let through. Neither decides anything by itself; both travel as notes.

import { note, type WritableNotes } from './notes.ts';

export type WeightedReason = {
  /** A machine-readable tag as in verdicts: `dnsbl.zen.spamhaus.org`. */
  readonly reason: string;
  /** Positive speaks against the message, negative for it. */
  readonly weight: number;
};

/** What has been said of the message, and of its connection, so far; in the order of saying. */
export const WEIGHTED_REASONS = note<readonly WeightedReason[]>('score/reasons');

/** What is said in on-connect counts for every message of the connection; what is said later, for that message. */
export function addReason(notes: WritableNotes, reason: string, weight: number): void {
  notes.set(WEIGHTED_REASONS, [...(notes.get(WEIGHTED_REASONS) ?? []), { reason, weight }]);
}

/**
 * The administrator's own list speaks for this client or this message: plugins that judge by circumstances (lists,
 * names, greylists) leave it alone. The value says which list. Whoever sets it stands before them in the plugin list.
 */
export const LET_THROUGH = note<string>('access/let-through');
