// Mail addresses: the mailbox as a value, and the path grammar of MAIL and RCPT (RFC 5321 §4.1.2, RFC 6531 §3.3).
// Local parts are opaque here: `a%b`, `a!b` and "a@b" are ordinary ones, kept exactly.

import { canonicalDomain, isAddressLiteral, isDomainName, octets } from './domain.ts';
import type { Fault } from './reply.ts';

// RFC 5321 §4.5.3.1.1
const MAX_LOCAL = 64;
// RFC 5321 §4.5.3.1.3, the angle brackets included
const MAX_PATH = 256;

// What no part of a written address may have; the plain forms spare most addresses the slower question.
const NOT_IN_LOCAL = /[\p{Cc}\p{Cs}]/u;
const NOT_IN_DOMAIN = /[\p{Cc}\p{Cs}\p{White_Space}<>@"]/u;
const PLAIN_LOCAL = /^[ -~]*$/;
const PLAIN_DOMAIN = /^[A-Za-z0-9.-]*$/;

/**
 * An address with its local part decoded (no quotes, no backslashes) and its domain in one spelling.
 * A mailbox can always be written on the wire: control characters are refused here already.
 */
export class Mailbox {
  readonly local: string;
  /** In small letters, or an address literal in brackets; empty only for the bare `postmaster`. */
  readonly domain: string;

  constructor(local: string, domain: string) {
    if (!PLAIN_LOCAL.test(local) && NOT_IN_LOCAL.test(local)) {
      throw new TypeError('local part with a control character');
    }
    if (!PLAIN_DOMAIN.test(domain) && NOT_IN_DOMAIN.test(domain)) {
      throw new TypeError('domain with a forbidden character');
    }
    this.local = local;
    this.domain = canonicalDomain(domain);
  }

  /** An address literal stands where the domain name would. */
  get isLiteral(): boolean {
    return this.domain.startsWith('[');
  }

  get isAscii(): boolean {
    return isAscii(this.local) && isAscii(this.domain);
  }

  /** RFC 5321 §2.4: domains are compared without regard to case, local parts exactly. */
  equals(other: Mailbox): boolean {
    return this.local === other.local && this.domain === other.domain;
  }

  /** As RFC 5321 writes it, without angle brackets; the local part is quoted only when it must be. */
  toString(): string {
    const local = isDotString(this.local) ? this.local : `"${this.local.replace(/["\\]/g, '\\$&')}"`;
    return this.domain === '' ? local : `${local}@${this.domain}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/** The sender of a message; null is the null path `<>` of bounces. */
export type ReversePath = Mailbox | null;

export interface AddressOptions {
  /** Non-ASCII local parts and domains are good here (RFC 6531). */
  readonly smtputf8?: boolean;
}

export type PathResult = { readonly path: Mailbox | null; readonly rest: string } | { readonly fault: Fault };

/** An address that only SMTPUTF8 could carry, in a transaction without it (RFC 6531 §3.5). */
export const NON_ASCII_ADDRESS: Fault = Object.freeze({
  code: 553,
  status: '5.6.7',
  text: 'Non-ASCII address needs SMTPUTF8',
});

/** Reads `local@domain`, the whole text and nothing else. */
export function parseMailbox(text: string, { smtputf8 = false }: AddressOptions = {}): Mailbox | undefined {
  const reader = new AddressReader(text, 0, smtputf8);
  const found = reader.mailbox(text.length);
  return found !== undefined && octets(text) <= MAX_PATH - 2 ? found : undefined;
}

/** An address written in code or configuration. Throws a TypeError when it is none. */
export function mailbox(text: string): Mailbox {
  if (text.toLowerCase() === 'postmaster') return new Mailbox('postmaster', '');
  const reader = new AddressReader(text, 0, true);
  const found = reader.mailbox(text.length);
  if (found === undefined)
    throw new TypeError(`not a mail address: ${JSON.stringify(text)} (${reader.problem})`);
  if (octets(text) > MAX_PATH - 2)
    throw new TypeError(`not a mail address: ${JSON.stringify(text)} (${TOO_LONG})`);
  return found;
}

/** Reads what stands after `MAIL FROM:`. Syntax errors are 501 (RFC 5321 §4.3.2). */
export function parseReversePath(text: string, options: AddressOptions = {}): PathResult {
  if (text.startsWith('<>')) return withRest(null, text, 2);
  return parsePath(text, '5.1.7', options);
}

/** Reads what stands after `RCPT TO:`. `<Postmaster>` alone is the mailbox `postmaster` without a domain. */
export function parseForwardPath(text: string, options: AddressOptions = {}): PathResult {
  // RFC 5321 §4.1.1.3: the one forward path that needs no domain.
  if (text.slice(0, 12).toLowerCase() === '<postmaster>')
    return withRest(new Mailbox('postmaster', ''), text, 12);
  return parsePath(text, '5.1.3', options);
}

type PathStatus = '5.1.3' | '5.1.7';
const TOO_LONG = 'path longer than 256 octets';

function parsePath(text: string, status: PathStatus, { smtputf8 = false }: AddressOptions): PathResult {
  if (!text.startsWith('<')) {
    return { fault: { code: 501, status: '5.5.2', text: 'Syntax error: "<" must follow the colon at once' } };
  }
  const reader = new AddressReader(text, 1, smtputf8);
  const found = reader.route() ? reader.mailbox(-1) : undefined;
  if (found === undefined) {
    if (reader.problem === NON_ASCII) return { fault: NON_ASCII_ADDRESS };
    return { fault: { code: 501, status, text: `Bad address: ${reader.problem}` } };
  }
  const end = reader.at + 1;
  if (octets(text.slice(0, end)) > MAX_PATH)
    return { fault: { code: 501, status, text: `Bad address: ${TOO_LONG}` } };
  return withRest(found, text, end);
}

/** Behind the path comes nothing, or a space and parameters. */
function withRest(path: Mailbox | null, text: string, end: number): PathResult {
  if (text.length === end || text.charCodeAt(end) === SPACE) return { path, rest: text.slice(end) };
  return { fault: { code: 501, status: '5.5.2', text: 'Syntax error: a space must follow ">"' } };
}

const SPACE = 0x20;
const QUOTE = 0x22;
const DOT = 0x2e;
const AT = 0x40;
const BACKSLASH = 0x5c;
const NON_ASCII = 'non-ASCII character without SMTPUTF8';

// RFC 5322 §3.2.3
const ATEXT = new Uint8Array(128);
for (const character of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~") {
  ATEXT[character.charCodeAt(0)] = 1;
}

/** Walks once over a text from `at`; the first trouble stays in `problem`. */
class AddressReader {
  readonly #text: string;
  readonly #smtputf8: boolean;
  at: number;
  problem = '';

  constructor(text: string, at: number, smtputf8: boolean) {
    this.#text = text;
    this.at = at;
    this.#smtputf8 = smtputf8;
  }

  /** RFC 5321 §4.1.1.3 and appendix C: a source route is understood and ignored. */
  route(): boolean {
    if (this.#text.charCodeAt(this.at) !== AT) return true;
    const colon = this.#text.indexOf(':', this.at);
    if (colon === -1) return this.#fail('source route without its ":"');
    for (const hop of this.#text.slice(this.at, colon).split(',')) {
      if (!hop.startsWith('@')) return this.#fail('bad source route');
      if (!this.#isDomain(hop.slice(1))) return false;
    }
    this.at = colon + 1;
    return true;
  }

  /** Reads a mailbox that ends at `end`, or before the next `>` when that is -1. */
  mailbox(end: number): Mailbox | undefined {
    const quoted = this.#text.charCodeAt(this.at) === QUOTE;
    const local = quoted ? this.#quotedString() : this.#dotString();
    if (local === undefined) return undefined;
    if (octets(local) > MAX_LOCAL) return this.#none('local part longer than 64 octets');
    if (this.#text.charCodeAt(this.at) !== AT) return this.#none('no "@" after the local part');
    const stop = end === -1 ? this.#text.indexOf('>', this.at) : end;
    if (stop === -1) return this.#none('no ">" at its end');
    const domain = this.#text.slice(this.at + 1, stop);
    if (domain.startsWith('[') ? !isAddressLiteral(domain) : !this.#isDomain(domain)) {
      return this.#none('bad address literal');
    }
    this.at = stop;
    return new Mailbox(local, domain);
  }

  #dotString(): string | undefined {
    const start = this.at;
    // A dot may stand neither first nor last nor beside another.
    let afterDot = true;
    let ascii = true;
    for (; this.at < this.#text.length; this.at++) {
      const unit = this.#text.charCodeAt(this.at);
      if (unit === DOT) {
        if (afterDot) return this.#none('misplaced dot in the local part');
        afterDot = true;
        continue;
      }
      if (unit > 0x7f) ascii = false;
      else if (ATEXT[unit] === 0) break;
      afterDot = false;
    }
    if (this.at === start) return this.#none('no local part');
    if (afterDot) return this.#none('misplaced dot in the local part');
    const local = this.#text.slice(start, this.at);
    return ascii || this.#mayBeUnicode(local) ? local : undefined;
  }

  #quotedString(): string | undefined {
    let local = '';
    let ascii = true;
    let from = ++this.at;
    for (; this.at < this.#text.length; this.at++) {
      const unit = this.#text.charCodeAt(this.at);
      if (unit === QUOTE) {
        local += this.#text.slice(from, this.at++);
        return ascii || this.#mayBeUnicode(local) ? local : undefined;
      }
      if (unit === BACKSLASH) {
        // quoted-pairSMTP = %d92 %d32-126
        local += this.#text.slice(from, this.at++);
        from = this.at;
        const escaped = this.#text.charCodeAt(this.at);
        if (!(escaped >= SPACE && escaped < 0x7f)) return this.#none('bad quoted pair in the local part');
      } else if (unit > 0x7f) ascii = false;
      else if (unit < SPACE || unit === 0x7f) return this.#none('control character in the local part');
    }
    return this.#none('quoted local part without its end');
  }

  #mayBeUnicode(text: string): boolean {
    if (!this.#smtputf8) return this.#fail(NON_ASCII);
    return !NOT_IN_LOCAL.test(text) || this.#fail('control character in the local part');
  }

  #isDomain(text: string): boolean {
    if (isDomainName(text, this.#smtputf8)) return true;
    return this.#fail(!this.#smtputf8 && isDomainName(text, true) ? NON_ASCII : 'bad domain');
  }

  #fail(problem: string): false {
    if (this.problem === '') this.problem = problem;
    return false;
  }

  #none(problem: string): undefined {
    this.#fail(problem);
    return undefined;
  }
}

function isDotString(local: string): boolean {
  let afterDot = true;
  for (let index = 0; index < local.length; index++) {
    const unit = local.charCodeAt(index);
    if (unit === DOT) {
      if (afterDot) return false;
      afterDot = true;
    } else if (unit < 0x80 && ATEXT[unit] === 0) return false;
    else afterDot = false;
  }
  return !afterDot;
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}
