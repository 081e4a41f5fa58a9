// The encoding of parameter values: xtext (RFC 3461 §4) and its sister for addresses in UTF-8 (RFC 6533 §3).

const PLUS = 0x2b;
const EQUALS = 0x3d;

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const XTEXT = /^(?:[!-*,-<>-~]|\+[0-9A-Fa-f]{2})*$/;

/** Decodes xtext; octets beyond ASCII must come out as UTF-8. Undefined when it is no xtext. */
export function parseXtext(text: string): string | undefined {
  if (!XTEXT.test(text)) return undefined;
  if (!text.includes('+')) return text;
  const octets: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === PLUS) {
      octets.push(Number.parseInt(text.slice(at + 1, at + 3), 16));
      at += 2;
    } else octets.push(unit);
  }
  try {
    return utf8Decoder.decode(Uint8Array.from(octets));
  } catch {
    return undefined;
  }
}

/** Encodes as xtext, what is not ASCII by the octets of its UTF-8. */
export function formatXtext(text: string): string {
  let encoded = '';
  for (const octet of utf8Encoder.encode(text)) {
    // xchar = any ASCII CHAR between "!" (33) and "~" (126), except for "+" and "="
    if (octet > 0x20 && octet < 0x7f && octet !== PLUS && octet !== EQUALS)
      encoded += String.fromCharCode(octet);
    else encoded += `+${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

// QUCHAR: what is printable but "+", "=" and "\"; or EmbeddedUnicodeChar.
const UNICODE_XTEXT = /^(?:[!-*,-<>-[\]-~\u{a0}-\u{10ffff}]|\\x\{[0-9A-F]{1,6}\})*$/u;

/** Decodes utf-8-addr-xtext and utf-8-addr-unitext, in which `\x{E9}` stands for a code point. */
export function parseUnicodeXtext(text: string): string | undefined {
  if (!UNICODE_XTEXT.test(text)) return undefined;
  let good = true;
  const decoded = text.replace(/\\x\{([0-9A-F]{1,6})\}/g, (_, hex: string) => {
    const point = Number.parseInt(hex, 16);
    if (point <= 0x10ffff) return String.fromCodePoint(point);
    good = false;
    return '';
  });
  return good ? decoded : undefined;
}

/** Encodes as utf-8-addr-xtext, which passes through hosts without SMTPUTF8. */
export function formatUnicodeXtext(text: string): string {
  return text.replace(/[^!-*,-<>-[\]-~]/gu, (character) => {
    const point = character.codePointAt(0) ?? 0;
    return `\\x{${point.toString(16).toUpperCase().padStart(2, '0')}}`;
  });
}
