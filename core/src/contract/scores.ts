// Weighted reasons: how plugins that judge a little each leave the decision to one that adds up (check-score).
// A reason decides nothing by itself, and travels with the message as a note.

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
