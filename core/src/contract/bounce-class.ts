// What kind of trouble a failure or a deferral tells of: a class that people and plugins can act upon. Not a status:
// next hops use statuses as they please, and say what they mean in words.

import type { PermanentStatus, TransientStatus } from '../smtp/index.ts';
import type { RemoteReply } from './outcome.ts';
import { type Token, token } from './token.ts';

/** Each class with what it means, for people. In the order of the documentation. */
export const BOUNCE_CLASSES = {
  'no-mailbox': 'The address does not exist',
  inactive: 'The mailbox is disabled or abandoned',
  'no-domain': 'The domain does not exist or takes no mail',
  quota: 'The mailbox is full',
  greylisted: 'The next hop wants to see another try',
  rate: 'Too much mail, or too many connections, from us at this time',
  reputation: 'Our address or domain is on a list or has a bad name',
  spam: 'The message looks like spam',
  content: 'What the message contains, or its size, is not taken',
  authentication: 'SPF, DKIM, DMARC or reverse DNS does not vouch for us',
  policy: 'A rule of the next hop refuses the sender or the recipient',
  tls: 'TLS is missing or does not hold',
  protocol: 'The next hop does not understand or offer what was asked of it',
  dns: 'DNS gives no answer',
  connection: 'The next hop cannot be reached, or was lost',
  routing: 'There is no way to the recipient, or it goes round in a circle',
  system: 'The next hop, or we, have trouble of our own',
  other: 'Nobody knows',
} as const;

export type BounceClass = keyof typeof BOUNCE_CLASSES;

/** What there is to classify. `text` and `remote` are untrusted. */
export interface Bounced {
  readonly kind: 'failed' | 'deferred';
  readonly status: PermanentStatus | TransientStatus;
  readonly text: string;
  /** Missing where the trouble is of our own finding. */
  readonly remote?: RemoteReply;
}

/**
 * Asked once for each failure or deferral that differs, when an attempt is over. Synchronous, since it stands on the way
 * of every trouble: answer from memory. A throw, and what is no class, count as `other`. A plugin that provides it takes
 * the place of the table of the core.
 */
export interface BounceClassifier {
  classify(bounced: Bounced): BounceClass;
}
export const BounceClassifier: Token<BounceClassifier> = token<BounceClassifier>('BounceClassifier');
