// What a submission server mends in a message before it goes out (RFC 6409 §8), as edits. What is there and well is left alone.

import type { HeaderSection, MessageEdits } from '@posthouse/core';
import { mailDate } from '@posthouse/core';

export interface FixUpFacts {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Makes a name that no other message has. */
  readonly identifier: () => string;
  /** Stands behind the @ of a new Message-ID. */
  readonly hostname: string;
  readonly removeBcc: boolean;
}

export function fixUp(headers: HeaderSection, edits: MessageEdits, facts: FixUpFacts): void {
  // RFC 6409 §8.2 and §8.3
  if (!headers.first('Date')) edits.replaceHeader('Date', mailDate(facts.now));
  if (!headers.first('Message-ID'))
    edits.replaceHeader('Message-ID', `<${facts.identifier()}@${facts.hostname}>`);
  // RFC 5321 §4.4: it is for the final delivery to write, and nobody else's to claim.
  remove(headers, edits, 'Return-Path');
  if (facts.removeBcc) {
    remove(headers, edits, 'Bcc');
    remove(headers, edits, 'Resent-Bcc');
  }
}

function remove(headers: HeaderSection, edits: MessageEdits, name: string): void {
  if (headers.first(name) !== undefined) edits.removeHeader(name);
}
