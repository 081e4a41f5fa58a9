// From an address to the folder of its Maildir: a template filled with escaped parts, which cannot leave their segment.

import { createHash } from 'node:crypto';
import { type Mailbox, PosthouseError } from '@posthouse/core';
import { asciiDomain, ClaimedDomains, withoutDetail } from '@posthouse/core/client';

export interface MaildirPathOptions {
  readonly domains: readonly string[];
  /** Absolute; with `{domain}` and `{local}`. */
  readonly path: string;
  readonly recipientDelimiter?: string;
}

/** The longest file name that common file systems take, in octets. */
const MAX_NAME = 255;
/** Less room than that would cut ordinary addresses. */
const MIN_ROOM = 64;

export class MaildirPaths {
  readonly #domains: ClaimedDomains;
  readonly #delimiter: string | undefined;
  readonly #segments: readonly Segment[];

  constructor({ domains, path, recipientDelimiter }: MaildirPathOptions) {
    this.#domains = new ClaimedDomains(domains);
    this.#delimiter = recipientDelimiter;
    this.#segments = path.split('/').map(compileSegment);
  }

  /** The one of our domains that this is, in one spelling; undefined when it is none. The bare postmaster is the first's. */
  domainOf(domain: string): string | undefined {
    return this.#domains.find(domain);
  }

  folderOf({ local, domain }: Mailbox): string {
    const key = this.domainOf(domain) ?? asciiDomain(domain);
    const base = withoutDetail(local, this.#delimiter);
    return this.#segments.map((segment) => segment(key, base)).join('/');
  }
}

type Segment = (domain: string, local: string) => string;

function compileSegment(text: string): Segment {
  const pieces = text.split(/(\{[^}]*\})/).filter((piece) => piece !== '');
  const places = pieces.filter((piece) => piece.startsWith('{'));
  for (const place of places) {
    if (place === '{domain}' || place === '{local}') continue;
    throw new PosthouseError('config-invalid', `path: ${place} is unknown; there are {domain} and {local}`);
  }
  if (places.length === 0) return () => text;
  const fixed = Buffer.byteLength(text) - Buffer.byteLength(places.join(''));
  const room = Math.floor((MAX_NAME - fixed) / places.length);
  if (room < MIN_ROOM)
    throw new PosthouseError('config-invalid', `path: "${text}" leaves too little room for names`);
  return (domain, local) =>
    pieces
      .map((piece) => {
        if (piece === '{domain}') return fileName(domain, room);
        if (piece === '{local}') return fileName(local, room);
        return piece;
      })
      .join('');
}

const PLAIN = /^[a-z0-9_+=-][a-z0-9._+=-]*$/;

/**
 * A file name for any text, equal for texts that differ in case only and different for all others: what is unusual
 * stands percent-encoded, and what is too long is cut, with a digest of the whole behind a "~".
 */
export function fileName(text: string, room: number = MAX_NAME): string {
  // RFC 5321 §2.4 leaves the case of local parts to us, the final host.
  const folded = text.normalize('NFC').toLowerCase();
  const name = PLAIN.test(folded) ? folded : encoded(folded);
  if (name.length <= room) return name;
  const digest = createHash('sha256').update(folded).digest('hex').slice(0, 32);
  return `${name.slice(0, room - digest.length - 1)}~${digest}`;
}

function encoded(text: string): string {
  // No text encodes to a "%" alone.
  if (text === '') return '%';
  let name = '';
  for (const octet of Buffer.from(text)) {
    const character = String.fromCharCode(octet);
    // A leading dot hides a file, and "." and ".." are no names at all.
    const usual = /[a-z0-9_+=-]/.test(character) || (character === '.' && name !== '');
    name += usual ? character : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return name;
}
