// What the records by which domains ask for reports have in common: tags (RFC 7489 §6.3, RFC 8460 §3), and addresses to
// send to. Pure.

import { parseMailbox } from '../smtp/index.ts';

/** The tags of a record, names in small letters. */
export function tagsOf(record: string): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  for (const part of record.split(';')) {
    const at = part.indexOf('=');
    if (at > 0) tags.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim());
  }
  return tags;
}

/** The address of a `mailto:` URI (RFC 6068), its query left out; undefined for what is no address that mail can go to. */
export function mailtoAddress(uri: string): string | undefined {
  const [, encoded = ''] = /^[ \t]*mailto:([^?]+)(?:\?.*)?$/i.exec(uri) ?? [];
  const address = decoded(encoded.trimEnd());
  const mailbox = parseMailbox(address);
  if (mailbox === undefined || mailbox.isLiteral || /[^ -~]/.test(address)) return undefined;
  return mailbox.toString();
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
