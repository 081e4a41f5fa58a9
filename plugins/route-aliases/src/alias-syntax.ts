// How names and targets of aliases are written, in the configuration and in alias files alike. Pure.

import { type Mailbox, mailbox, PosthouseError } from '@posthouse/core';

/** `ann@example.org`, `ann` (in all our domains) or `@example.org` (whatever else comes for the domain). */
export type AliasName =
  | { readonly kind: 'address'; readonly address: Mailbox }
  | { readonly kind: 'local'; readonly local: string }
  | { readonly kind: 'catch-all'; readonly domain: string };

/** A target; without a domain it is in the domain of the address that is redirected. */
export type AliasTarget =
  | { readonly kind: 'address'; readonly address: Mailbox; readonly final: boolean }
  | { readonly kind: 'local'; readonly local: string; readonly final: boolean };

/** Throws a PosthouseError `config-invalid` that begins with `where`. */
export function parseAliasName(text: string, where: string): AliasName {
  const written = text.trim();
  if (written.startsWith('@')) {
    return {
      kind: 'catch-all',
      domain: parsed(`postmaster${written}`, written, where, 'an alias name').domain,
    };
  }
  return { ...addressOrLocal(written, where, 'an alias name') };
}

/** Throws a PosthouseError `config-invalid` that begins with `where`. */
export function parseAliasTarget(text: string, where: string): AliasTarget {
  const written = text.trim();
  const bare = written.startsWith('"') ? written.slice(1) : written;
  const unable = bare.startsWith('|')
    ? 'programs'
    : bare.startsWith('/')
      ? 'files'
      : /^:include:/i.test(bare)
        ? 'included lists'
        : undefined;
  if (unable !== undefined)
    throw invalid(where, `"${written}": ${unable} are no targets here, only addresses are`);
  // As in sendmail's files, a backslash says that the target is not looked up again.
  const final = written.startsWith('\\');
  return { ...addressOrLocal(final ? written.slice(1) : written, where, 'a target'), final };
}

function addressOrLocal(
  text: string,
  where: string,
  what: string,
): { kind: 'address'; address: Mailbox } | { kind: 'local'; local: string } {
  if (endOfLocal(text) < text.length) return { kind: 'address', address: parsed(text, text, where, what) };
  return { kind: 'local', local: parsed(`${text}@localhost`, text, where, what).local };
}

/** Where the local part ends: at an "@" outside quotes, or with the text. */
function endOfLocal(text: string): number {
  if (!text.startsWith('"')) {
    const at = text.indexOf('@');
    return at === -1 ? text.length : at;
  }
  const quoted = /^"(?:[^"\\]|\\.)*"/.exec(text);
  return quoted === null ? text.length : quoted[0].length;
}

function parsed(address: string, written: string, where: string, what: string): Mailbox {
  try {
    return mailbox(address);
  } catch (cause) {
    throw invalid(where, `"${written}" is not ${what}`, cause);
  }
}

function invalid(where: string, why: string, cause?: unknown): PosthouseError {
  return new PosthouseError('config-invalid', `${where}: ${why}`, { cause });
}
