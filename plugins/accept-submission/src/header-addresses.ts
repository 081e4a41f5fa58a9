// The addresses in a header field (RFC 5322 §3.4, with RFC 6532 and the groups of RFC 6854). Pure, one pass over the text.
// Strict where it matters: what two readers could take for two different addresses is no address here. The parsers that
// the registry has are made to find something in every text, or walk back and forth in hostile ones.

import { Mailbox, parseMailbox } from '@posthouse/core';

export interface HeaderAddresses {
  readonly mailboxes: readonly Mailbox[];
  /** Entries without a domain, as `To: root` has. */
  readonly unqualified: readonly string[];
}

/** Deeper comments make the field unreadable. */
const MAX_NESTING = 16;

type Token =
  | { readonly kind: 'atom' | 'quoted' | 'literal'; readonly text: string }
  | { readonly kind: '<' | '>' | '@' | ',' | ':' | ';' };

// RFC 5322 §3.2.3 and RFC 6532 §3.2, and the dot: whether dots stand well in a local part, parseMailbox says.
const ATOM = /[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.\u{a0}-\u{10ffff}]+/uy;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
const LITERAL = /\[[^[\]\\]*\]/y;
const SPECIAL = /[<>@,:;]/y;

/** @param value unfolded. Undefined when it is no list of addresses. */
export function readAddresses(value: string): HeaderAddresses | undefined {
  const tokens = tokensOf(value);
  return tokens === undefined ? undefined : listOf(tokens);
}

function tokensOf(value: string): Token[] | undefined {
  const tokens: Token[] = [];
  for (let at = 0; at < value.length; ) {
    const character = value[at] as string;
    if (character === ' ' || character === '\t') at += 1;
    else if (character === '(') {
      const end = endOfComment(value, at);
      if (end === undefined) return undefined;
      at = end;
    } else {
      const found =
        matched(ATOM, value, at, (text) => ({ kind: 'atom', text })) ??
        matched(SPECIAL, value, at, (text) => ({ kind: text as '<' | '>' | '@' | ',' | ':' | ';' })) ??
        matched(QUOTED, value, at, (text) => ({ kind: 'quoted', text: unquoted(text) })) ??
        matched(LITERAL, value, at, (text) => ({ kind: 'literal', text }));
      if (found === undefined) return undefined;
      tokens.push(found.token);
      at = found.end;
    }
  }
  return tokens;
}

function matched(
  pattern: RegExp,
  value: string,
  at: number,
  token: (text: string) => Token,
): { readonly token: Token; readonly end: number } | undefined {
  pattern.lastIndex = at;
  const text = pattern.exec(value)?.[0];
  return text === undefined ? undefined : { token: token(text), end: at + text.length };
}

function unquoted(text: string): string {
  return text.slice(1, -1).replace(/\\(.)/gs, '$1');
}

function endOfComment(value: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < value.length; at++) {
    const character = value[at];
    if (character === '\\') at += 1;
    else if (character === '(' && ++depth > MAX_NESTING) return undefined;
    else if (character === ')' && --depth === 0) return at + 1;
  }
  return undefined;
}

/** address-list, mailbox-list and group-list in one: words, and what the special that ends them makes of them. */
function listOf(tokens: readonly Token[]): HeaderAddresses | undefined {
  const mailboxes: Mailbox[] = [];
  const unqualified: string[] = [];
  let words: Token[] = [];
  let inGroup = false;
  let afterAddress = false;
  for (let at = 0; at <= tokens.length; at++) {
    const token = tokens[at];
    const kind = token?.kind ?? 'end';
    if (token !== undefined && 'text' in token && token.kind !== 'literal') {
      if (afterAddress) return undefined;
      words.push(token);
      continue;
    }
    if (kind === ',' || kind === ';' || kind === 'end') {
      if (words.length > 1 || (kind === ';' && !inGroup) || (kind === 'end' && inGroup)) return undefined;
      if (words[0] !== undefined) unqualified.push(textOf(words[0]));
      if (kind === ';') inGroup = false;
      words = [];
      // RFC 5322 §3.4: a group is ended by its ";", and the next entry needs a comma.
      afterAddress = kind === ';';
      continue;
    }
    if (afterAddress) return undefined;
    if (kind === ':') {
      if (words.length === 0 || inGroup) return undefined;
      words = [];
      inGroup = true;
      continue;
    }
    // `local@domain` alone, or `phrase <local@domain>`.
    const angled = kind === '<';
    if (!angled && (kind !== '@' || words.length !== 1)) return undefined;
    const local = angled ? tokens[at + 1] : words[0];
    const sign = angled ? at + 2 : at;
    const found = tokens[sign]?.kind === '@' ? mailboxOf(local, tokens[sign + 1]) : undefined;
    if (found === undefined || (angled && tokens[sign + 2]?.kind !== '>')) return undefined;
    mailboxes.push(found);
    words = [];
    afterAddress = true;
    at = angled ? sign + 2 : sign + 1;
  }
  return { mailboxes, unqualified };
}

function mailboxOf(local: Token | undefined, domain: Token | undefined): Mailbox | undefined {
  if (local?.kind !== 'atom' && local?.kind !== 'quoted') return undefined;
  if (domain?.kind !== 'atom' && domain?.kind !== 'literal') return undefined;
  try {
    // A dot-string with misplaced dots would come back quoted, as another spelling of what nobody wrote.
    if (local.kind === 'atom') return parseMailbox(`${local.text}@${domain.text}`, { smtputf8: true });
    return parseMailbox(new Mailbox(local.text, domain.text).toString(), { smtputf8: true });
  } catch {
    return undefined;
  }
}

function textOf(token: Token): string {
  return 'text' in token ? token.text : token.kind;
}
