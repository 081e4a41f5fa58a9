// One limit: whom it counts, what a question to the counters looks like, and what the client is told. Pure.

import { networkOf, type Overrun, PosthouseError } from '@posthouse/core';
import type { Config, LimitEntry } from './config.ts';

export type Subject = LimitEntry['by'];
export type Counted = LimitEntry['count'];

/** What is known of a client and its mail; what is not known counts for nobody. */
export interface Known {
  readonly address: string;
  readonly user?: string | undefined;
  readonly sender?: { readonly address: string; readonly domain: string } | undefined;
  readonly recipient?: { readonly address: string; readonly domain: string } | undefined;
}

export interface Limit {
  readonly count: Counted;
  readonly by: Subject;
  readonly per: number;
  readonly action: 'defer' | 'reject' | 'disconnect';
  /** Whose count it is; undefined where the limit is not about this client. */
  subjectOf(known: Known): string | undefined;
  keyOf(subject: string): string;
  mostFor(subject: string): number;
}

/** Which limits make sense: nobody knows the sender of a connection. */
const SUBJECTS: { readonly [C in Counted]: readonly Subject[] } = {
  connections: ['address', 'network', 'everybody'],
  messages: ['address', 'network', 'sender', 'sender-domain', 'user', 'everybody'],
  recipients: [
    'address',
    'network',
    'sender',
    'sender-domain',
    'user',
    'recipient',
    'recipient-domain',
    'everybody',
  ],
  bytes: ['address', 'network', 'sender', 'sender-domain', 'user', 'everybody'],
  failures: ['address', 'network'],
};

/** Throws a PosthouseError `config-invalid`. */
export function limitsOf({ limits, ipv4Prefix, ipv6Prefix }: Config): readonly Limit[] {
  const network = { ipv4Prefix, ipv6Prefix };
  // One customer has a whole /64 of IPv6 addresses.
  const host = { ipv4Prefix: 32, ipv6Prefix };
  return limits.map(({ count, by, most, per, others = {}, action = 'defer' }, index) => {
    if (!SUBJECTS[count].includes(by))
      throw new PosthouseError(
        'config-invalid',
        `limits[${index}]: ${count} cannot be counted by ${by}, only by ${SUBJECTS[count].join(', ')}`,
      );
    if (per === 0)
      throw new PosthouseError('config-invalid', `limits[${index}].per must be more than nothing`);
    const exceptions = new Map(
      Object.entries(others).map(([subject, own]) => [
        by === 'address' ? networkOf(subject, host) : subject.toLowerCase(),
        own,
      ]),
    );
    const prefix = `${count}/${by}`;
    return {
      count,
      by,
      per,
      action,
      subjectOf: (known) => subjectOf(by, known, network, host),
      keyOf: (subject) => `${prefix}/${subject}`,
      mostFor: (subject) => exceptions.get(subject) ?? most,
    };
  });
}

function subjectOf(
  by: Subject,
  { address, user, sender, recipient }: Known,
  network: { readonly ipv4Prefix: number; readonly ipv6Prefix: number },
  host: { readonly ipv4Prefix: number; readonly ipv6Prefix: number },
): string | undefined {
  switch (by) {
    case 'everybody':
      return '*';
    // Whoever has authenticated is known by name: an office behind one address is not one client.
    case 'address':
      return user === undefined ? networkOf(address, host) : undefined;
    case 'network':
      return user === undefined ? networkOf(address, network) : undefined;
    case 'user':
      return user?.toLowerCase();
    case 'sender':
      return sender?.address.toLowerCase();
    case 'sender-domain':
      return sender?.domain;
    case 'recipient':
      return recipient?.address.toLowerCase();
    case 'recipient-domain':
      return recipient?.domain;
  }
}

const WHOSE: { readonly [S in Subject]: string } = {
  address: 'from your address',
  network: 'from your network',
  sender: 'from this sender',
  'sender-domain': 'from this domain',
  user: 'for this user',
  recipient: 'for this recipient',
  'recipient-domain': 'for this domain',
  everybody: 'at the moment',
};

/** `Too many messages from your address, try again in 12 minutes` */
export function describeOverrun({ count, by }: Limit, { wait }: Overrun): string {
  const what = count === 'bytes' ? 'Too much mail' : `Too many ${count}`;
  const when = wait === undefined ? '' : `, try again in ${describeWait(wait)}`;
  return `${what} ${WHOSE[by]}${when}`;
}

function describeWait(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds < 120) return seconds === 1 ? '1 second' : `${seconds} seconds`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `${minutes} minutes` : `${Math.ceil(minutes / 60)} hours`;
}
