// The header section as the checks take it: cut into fields in one pass, within bounds.
// Octets are latin1 characters here, so that whatever a field holds is hashed as it is.

export interface Field {
  /** Lower case. */
  readonly name: string;
  /** The whole field as it stands, without its last line end. */
  readonly raw: string;
}

/** Octets of one field that is read. A longer one is left out: it has no author, no signature. */
const MAX_FIELD = 16_384;
const READ = new Set([
  'from',
  'dkim-signature',
  'arc-seal',
  'arc-message-signature',
  'arc-authentication-results',
]);

// RFC 5322 §3.6.8, with the white space of §4.5.8 before the colon. A line that begins no field belongs to the one
// above: more octets in a signed field can only break a signature.
const FIELD_START = /^[!-9;-~]+[ \t]*:/;
const NAME_ALONE = /^[!-9;-~]+[ \t]*$/;
const COLON_BELOW = /^[ \t]*:/;

/**
 * @param header with CRLF at the end of each line, without the empty line
 * @param signatures how many DKIM-Signature fields are kept, from the top: each costs a lookup and a verification
 */
export function fieldsOf(header: Buffer, signatures: number): readonly Field[] {
  const text = header.toString('latin1');
  const fields: Field[] = [];
  let left = signatures;
  const add = (start: number, end: number): void => {
    const raw = text.slice(start, withoutLineEnd(text, start, end));
    const name = nameOf(raw);
    if (raw.length > MAX_FIELD && READ.has(name)) return;
    if (name === 'dkim-signature' && --left < 0) return;
    fields.push({ name, raw });
  };
  let start = 0;
  let line = 0;
  while (line < text.length) {
    const lineEnd = text.indexOf('\n', line);
    const next = lineEnd === -1 ? text.length : lineEnd + 1;
    if (line > start && startsField(text, line, next)) {
      add(start, line);
      start = line;
    }
    line = next;
  }
  if (line > start) add(start, line);
  return fields;
}

/** A field for mailauth. */
export interface OctetField {
  readonly key: string;
  /** As written. */
  readonly casedKey: string;
  readonly line: Buffer;
}

export function octetFields(fields: readonly Field[]): OctetField[] {
  return fields.map(({ name, raw }) => ({
    key: name,
    casedKey: nameAsWritten(raw),
    line: Buffer.from(raw, 'latin1'),
  }));
}

/** What follows the colon, read as UTF-8. */
export function contentOf({ raw }: Field): string {
  const value = raw.slice(raw.indexOf(':') + 1);
  return /[^\0-\x7f]/.test(value) ? Buffer.from(value, 'latin1').toString('utf8') : value;
}

function nameOf(raw: string): string {
  return nameAsWritten(raw).toLowerCase();
}

function nameAsWritten(raw: string): string {
  const colon = raw.indexOf(':');
  const name = colon === -1 ? raw : raw.slice(0, colon);
  return /[\n \t]/.test(name) ? name.replace(/\r?\n/g, '').replace(/^[ \t]+|[ \t]+$/g, '') : name;
}

function startsField(text: string, start: number, end: number): boolean {
  const first = text.charCodeAt(start);
  if (first === 32 || first === 9) return false;
  const line = text.slice(start, withoutLineEnd(text, start, end));
  if (FIELD_START.test(line)) return true;
  if (!NAME_ALONE.test(line) || end === text.length) return false;
  const below = text.indexOf('\n', end);
  return COLON_BELOW.test(text.slice(end, below === -1 ? text.length : below));
}

function withoutLineEnd(text: string, start: number, end: number): number {
  let last = end;
  if (last > start && text.charCodeAt(last - 1) === 10) last -= 1;
  if (last > start && text.charCodeAt(last - 1) === 13) last -= 1;
  return last;
}
