// Which addresses a user may send from, as patterns: written in the configuration or in a sender file. Pure.

import { domainToASCII } from 'node:url';
import { type Mailbox, mailbox, PosthouseError, parseMailbox } from '@posthouse/core';

/** What the user's name stands for is compared, never read as a pattern: a user called `*` is nobody special. */
export type SenderPattern =
  /** `*` */
  | { readonly kind: 'any' }
  /** `*@example.org` */
  | { readonly kind: 'domain'; readonly domain: string }
  /** `ann@example.org` */
  | { readonly kind: 'address'; readonly address: string }
  /** `{user}`: the user's name is the address. */
  | { readonly kind: 'user' }
  /** `{user}@example.org` */
  | { readonly kind: 'user-at'; readonly domain: string };

/** Throws a PosthouseError `config-invalid` that begins with `where`. */
export function parseSenderPattern(text: string, where: string): SenderPattern {
  const written = text.trim();
  if (written === '*') return { kind: 'any' };
  if (written === '{user}') return { kind: 'user' };
  const place = /^(\{user\}|\*|)@(.+)$/s.exec(written);
  if (place !== null) {
    const domain = asciiDomain(parsed(`postmaster@${place[2]}`, written, where).domain);
    return { kind: place[1] === '{user}' ? 'user-at' : 'domain', domain };
  }
  // A brace may stand in a local part, but is a slip of the pen here.
  return {
    kind: 'address',
    address: addressKey(parsed(/[{}*]/.test(written) ? '' : written, written, where)),
  };
}

/** @param delimiter with `+`, `ann+lists@example.org` is the user's where `ann@example.org` is */
export function covers(
  pattern: SenderPattern,
  user: string,
  address: Mailbox,
  delimiter: string | undefined,
): boolean {
  switch (pattern.kind) {
    case 'any':
      return true;
    case 'domain':
      return asciiDomain(address.domain) === pattern.domain;
    case 'address':
      return spellings(address, delimiter).includes(pattern.address);
    case 'user': {
      const own = parseMailbox(user, { smtputf8: true });
      return own !== undefined && spellings(address, delimiter).includes(addressKey(own));
    }
    case 'user-at':
      return (
        asciiDomain(address.domain) === pattern.domain &&
        locals(address.local, delimiter).includes(localKey(user))
      );
  }
}

function spellings({ local, domain }: Mailbox, delimiter: string | undefined): readonly string[] {
  return locals(local, delimiter).map((each) => `${each}@${asciiDomain(domain)}`);
}

/** The local part as it stands, and what is left of it without its detail. */
function locals(local: string, delimiter: string | undefined): readonly string[] {
  const key = localKey(local);
  const at = delimiter === undefined ? -1 : key.indexOf(delimiter);
  return at > 0 ? [key, key.slice(0, at)] : [key];
}

function addressKey({ local, domain }: Mailbox): string {
  return `${localKey(local)}@${asciiDomain(domain)}`;
}

/** RFC 5321 §2.4 leaves the case of local parts to us, who give these addresses out. */
function localKey(local: string): string {
  return local.normalize('NFC').toLowerCase();
}

/** U-labels and A-labels of the same name are the same domain (RFC 5890 §2.3.2.1). */
function asciiDomain(domain: string): string {
  return /[^ -~]/.test(domain) ? domainToASCII(domain) || domain : domain;
}

function parsed(address: string, written: string, where: string): Mailbox {
  try {
    const found = mailbox(address);
    if (found.domain !== '') return found;
  } catch {
    // Said below, in the words of the configuration.
  }
  throw new PosthouseError(
    'config-invalid',
    `${where}: "${written}" is not a sender: an address, *@domain, {user}@domain, {user} or *`,
  );
}
