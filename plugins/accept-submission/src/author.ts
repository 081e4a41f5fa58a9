// Whose message it is by its own words: the From and Sender fields, held against the addresses that the user may use. Pure.

import type { HeaderSection, Mailbox } from '@posthouse/core';
import { readAddresses } from './header-addresses.ts';

export type Author =
  | { readonly kind: 'own' }
  | {
      readonly kind: 'foreign';
      readonly field: 'From' | 'Sender';
      readonly address: string;
      /** A Sender field of the user's own stands beside a foreign From. */
      readonly ownSender: boolean;
    }
  /** Readers would not agree whose message it is, or find nobody. */
  | { readonly kind: 'unreadable'; readonly why: string };

export function authorOf(headers: HeaderSection, mayUse: (address: Mailbox) => boolean): Author {
  // RFC 5322 §3.6: one From, and at most one Sender.
  const from = fieldOf(headers, 'From');
  if (typeof from === 'string') return { kind: 'unreadable', why: from };
  if (from === undefined) return { kind: 'unreadable', why: 'has no From field' };
  const sender = fieldOf(headers, 'Sender');
  if (typeof sender === 'string') return { kind: 'unreadable', why: sender };
  if (sender !== undefined && sender.length > 1)
    return { kind: 'unreadable', why: 'has a Sender field with several addresses' };
  const ownSender = sender?.every(mayUse) ?? false;
  const foreign = from.find((address) => !mayUse(address));
  if (foreign !== undefined)
    return { kind: 'foreign', field: 'From', address: foreign.toString(), ownSender };
  if (sender?.[0] !== undefined && !ownSender)
    return { kind: 'foreign', field: 'Sender', address: sender[0].toString(), ownSender };
  return { kind: 'own' };
}

/** The addresses of a field that may stand once; undefined where it is missing, or what is wrong with it. */
function fieldOf(headers: HeaderSection, name: string): readonly Mailbox[] | string | undefined {
  const [value, ...others] = headers.all(name);
  if (value === undefined) return undefined;
  if (others.length > 0) return `has ${others.length + 1} ${name} fields`;
  const found = readAddresses(value);
  if (found === undefined || found.unqualified.length > 0 || found.mailboxes.length === 0)
    return `has a ${name} field that is not a mail address`;
  return found.mailboxes;
}

/** The address fields of RFC 5322 §3.6, each of which RFC 6409 §4.2 wants fully qualified. */
const ADDRESS_FIELDS = ['From', 'Sender', 'Reply-To', 'To', 'Cc', 'Bcc'] as const;

/** The first field with a domain that is not fully qualified. Fields that cannot be read have no domains to speak of. */
export function unqualifiedField(
  headers: HeaderSection,
  isQualified: (domain: string) => boolean,
): { readonly field: string; readonly address: string } | undefined {
  for (const field of ADDRESS_FIELDS) {
    for (const value of headers.all(field)) {
      const bad = readAddresses(value)?.mailboxes.find(({ domain }) => !isQualified(domain));
      if (bad !== undefined) return { field, address: bad.toString() };
    }
  }
  return undefined;
}
