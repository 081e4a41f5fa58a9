// Domain names and address literals as SMTP writes them (RFC 5321 §4.1.2 and §4.1.3).
// Syntax only: whether a domain exists is a question for a resolver.

// RFC 1035 §2.3.4
const MAX_LABEL = 63;
// RFC 5321 §4.5.3.1.2
const MAX_DOMAIN = 255;

// A U-label is taken as it comes, but for what cannot stand in a name or would be read as a dot (RFC 3490 §3.1).
const U_LABEL = /^(?!-)[A-Za-z0-9\-\u{a0}-\u{10ffff}]+(?<!-)$/u;
const NOT_IN_U_LABEL = /[\p{White_Space}\p{Cc}\p{Cs}\u3002\uff0e\uff61]/u;

const HYPHEN = 0x2d;
const DOT = 0x2e;

/** A domain name of one or more LDH labels, or of U-labels too when asked (RFC 6531 §3.3). */
export function isDomainName(text: string, smtputf8 = false): boolean {
  if (text.length > MAX_DOMAIN) return false;
  let labelStart = 0;
  let before = DOT;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) return smtputf8 && isUnicodeName(text);
    if (unit === DOT) {
      if (before === DOT || before === HYPHEN || index - labelStart > MAX_LABEL) return false;
      labelStart = index + 1;
    } else if (unit === HYPHEN) {
      if (before === DOT) return false;
    } else if (!isLetterOrDigit(unit)) return false;
    before = unit;
  }
  return before !== DOT && before !== HYPHEN && text.length - labelStart <= MAX_LABEL;
}

function isUnicodeName(text: string): boolean {
  if (octets(text) > MAX_DOMAIN || NOT_IN_U_LABEL.test(text)) return false;
  // The limit of a label is one of its A-label, which is never shorter in octets than the U-label in characters.
  return text.split('.').every((label) => [...label].length <= MAX_LABEL && U_LABEL.test(label));
}

function isLetterOrDigit(unit: number): boolean {
  return (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x30 && unit <= 0x39);
}

/** An address in brackets, `[192.0.2.1]` or `[IPv6:2001:db8::1]`. The general form has no known tag, so it is none. */
export function isAddressLiteral(text: string): boolean {
  if (!text.startsWith('[') || !text.endsWith(']')) return false;
  const inner = text.slice(1, -1);
  if (inner.slice(0, 5).toLowerCase() === 'ipv6:') return isIPv6(inner.slice(5));
  return isIPv4(inner);
}

/** The one spelling in which domains are kept and compared: ASCII letters small, the tag of a literal as the RFC has it. */
export function canonicalDomain(text: string): string {
  const lower = /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
  return lower.startsWith('[ipv6:') ? `[IPv6:${lower.slice(6)}` : lower;
}

/** Octets of the text in UTF-8, which is what the size limits of SMTP count. */
export function octets(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    // A surrogate pair is two units and four octets, so two for each of its halves.
    if (unit > 0x7f) count += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return count;
}

// RFC 5321 §4.1.3: Snum is 0 to 255; a leading zero is refused, since some read it as octal.
const SNUM = /^(?:0|[1-9]\d{0,2})$/;

function isIPv4(text: string): boolean {
  if (text.length > 15) return false;
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => SNUM.test(part) && Number(part) <= 255);
}

const GROUP = /^[0-9A-Fa-f]{1,4}$/;

/** Full, compressed and IPv4-tailed forms (RFC 4291 §2.2), without a zone. */
function isIPv6(text: string): boolean {
  if (text.length > 45) return false;
  const gap = text.indexOf('::');
  if (gap === -1) return groupsIn(text, true) === 8;
  const before = groupsIn(text.slice(0, gap), false);
  const after = groupsIn(text.slice(gap + 2), true);
  return before !== -1 && after !== -1 && before + after <= 7;
}

/** How many 16-bit groups the text has, or -1 when it is not a row of groups. */
function groupsIn(text: string, mayEndInIPv4: boolean): number {
  if (text === '') return 0;
  const groups = text.split(':');
  const last = groups.at(-1) ?? '';
  const tail = mayEndInIPv4 && last.includes('.');
  if (tail) {
    if (!isIPv4(last)) return -1;
    groups.pop();
  }
  return groups.every((group) => GROUP.test(group)) ? groups.length + (tail ? 2 : 0) : -1;
}
