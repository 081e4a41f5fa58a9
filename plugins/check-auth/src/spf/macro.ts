// Macros in SPF policies (RFC 7208 §7): read once, expanded for each message. Pure.

import { type Address, octetsOf } from './address.ts';

/** Text that stands for itself, or a macro. */
export type MacroString = readonly (string | Macro)[];

interface Macro {
  /** Lower case. */
  readonly letter: string;
  /** Written in upper case: the value is percent-encoded. */
  readonly encoded: boolean;
  /** How many parts from the right; 0 for all. */
  readonly digits: number;
  readonly reversed: boolean;
  readonly delimiters: string;
}

export interface MacroValues {
  /** `local@domain`, with `postmaster` where there was no local part. */
  readonly sender: string;
  readonly client: Address;
  readonly helo: string;
  /** The domain whose policy is being read. */
  readonly domain: string;
  /** The client's own name as far as DNS confirms it (§5.5), or `unknown`. Asked for only where `p` is used. */
  readonly validated: string;
}

/** `c`, `r` and `t` belong to explanations alone (§7.2), which nobody is shown here. */
const MACRO = /%(?:([%_-])|\{([slodiphv])(\d*)(r?)([.\-+,/_=]*)\})/giy;
const LITERAL = { '%': '%', _: ' ', '-': '%20' } as const;
/** RFC 7208 §7.1 macro-literal: what can be seen, but for the per cent sign. */
const PLAIN = /[!-$&-~]+/y;

/** Undefined for what is none. */
export function parseMacroString(text: string): MacroString | undefined {
  const parts: (string | Macro)[] = [];
  let at = 0;
  while (at < text.length) {
    PLAIN.lastIndex = at;
    const plain = PLAIN.exec(text)?.[0];
    if (plain !== undefined) {
      parts.push(plain);
      at += plain.length;
      continue;
    }
    MACRO.lastIndex = at;
    const found = MACRO.exec(text);
    if (found === null) return undefined;
    const [whole, literal, letter = '', digits = '', reversed = '', delimiters = ''] = found;
    at += whole.length;
    if (literal !== undefined) {
      parts.push(LITERAL[literal as keyof typeof LITERAL]);
      continue;
    }
    if (digits !== '' && Number(digits) === 0) return undefined;
    parts.push({
      letter: letter.toLowerCase(),
      encoded: letter !== letter.toLowerCase(),
      digits: Number(digits),
      reversed: reversed !== '',
      delimiters: delimiters === '' ? '.' : delimiters,
    });
  }
  return parts;
}

/** RFC 7208 §7.1 domain-spec: a macro string that ends in a macro or in a top label. Undefined for what is none. */
export function parseDomainSpec(text: string): MacroString | undefined {
  const parts = parseMacroString(text);
  const last = parts?.at(-1);
  if (last === undefined) return undefined;
  // `%%` and the like are macros to the grammar, and no domain ends in them.
  const topLabel = /\.(?:[a-z\d]*[a-z][a-z\d]*|[a-z\d]+-[a-z\d-]*[a-z\d])\.?$/i;
  return typeof last !== 'string' || topLabel.test(text) ? parts : undefined;
}

export function uses(parts: MacroString, letters: string): boolean {
  return parts.some((part) => typeof part !== 'string' && letters.includes(part.letter));
}

export function expand(parts: MacroString, values: MacroValues): string {
  let text = '';
  for (const part of parts) text += typeof part === 'string' ? part : expanded(part, values);
  return text;
}

function expanded({ letter, encoded, digits, reversed, delimiters }: Macro, values: MacroValues): string {
  let value = macroValue(letter, values);
  if (reversed || digits > 0 || delimiters !== '.') {
    let parts = splitAt(value, delimiters);
    if (reversed) parts = parts.reverse();
    value = (digits > 0 ? parts.slice(-digits) : parts).join('.');
  }
  return encoded ? percentEncoded(value) : value;
}

function macroValue(letter: string, { sender, client, helo, domain, validated }: MacroValues): string {
  const at = sender.lastIndexOf('@');
  switch (letter) {
    case 's':
      return sender;
    case 'l':
      return sender.slice(0, at);
    case 'o':
      return sender.slice(at + 1);
    case 'd':
      return domain;
    case 'i':
      return client.family === 4 ? client.text : nibbles(client.text);
    case 'p':
      return validated;
    case 'h':
      return helo;
    default:
      return client.family === 4 ? 'in-addr' : 'ip6';
  }
}

function splitAt(value: string, delimiters: string): string[] {
  const parts: string[] = [];
  let part = '';
  for (const character of value) {
    if (delimiters.includes(character)) {
      parts.push(part);
      part = '';
    } else part += character;
  }
  return [...parts, part];
}

function nibbles(text: string): string {
  return [...(octetsOf(text) ?? [])]
    .map((octet) => `${(octet >> 4).toString(16)}.${(octet & 15).toString(16)}`)
    .join('.');
}

/** RFC 3986 §2.3: all but the unreserved characters. */
function percentEncoded(value: string): string {
  return [...Buffer.from(value, 'utf8')]
    .map((octet) => {
      const character = String.fromCharCode(octet);
      return /[A-Za-z0-9\-._~]/.test(character)
        ? character
        : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}
