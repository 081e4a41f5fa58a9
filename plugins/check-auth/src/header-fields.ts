// The header section as mailauth's verifier takes it: cut into fields in one pass, within bounds.
// mailauth's own cutting takes time that grows with the square of the number of folded lines.

export interface Field {
  /** Lower case. */
  readonly key: string;
  /** As written. */
  readonly casedKey: string;
  /** The whole field without its last CRLF. */
  readonly line: Buffer;
}

export interface Fields {
  readonly parsed: Field[];
  readonly original: Buffer;
}

/** Octets of one field that mailauth reads. A longer one is left out: it has no author, no signature. */
const MAX_FIELD = 16_384;
const READ = new Set([
  'from',
  'dkim-signature',
  'arc-seal',
  'arc-message-signature',
  'arc-authentication-results',
  'content-type',
  'return-path',
]);

// RFC 5322 §3.6.8, with the white space of §4.5.8 before the colon. A line that begins no field belongs to the one
// above, as mailauth has it: more octets in a signed field can only break a signature.
const FIELD_START = /^[!-9;-~]+[ \t]*:/;
const NAME_ALONE = /^[!-9;-~]+[ \t]*$/;
const COLON_BELOW = /^[ \t]*:/;

/**
 * @param header with CRLF at the end of each line, without the empty line
 * @param signatures how many DKIM-Signature fields are kept, from the top: each costs a lookup and a verification
 */
export function fieldsOf(header: Buffer, signatures: number): Fields {
  const lines = header.toString('latin1').split('\n');
  // Behind the last line end.
  if (lines.at(-1) === '') lines.pop();
  const parsed: Field[] = [];
  let left = signatures;
  const add = (start: number, end: number): void => {
    const line = header.subarray(start, withoutLineEnd(header, start, end));
    const colon = line.indexOf(58);
    const casedKey = line
      .subarray(0, colon === -1 ? line.length : colon)
      .toString('latin1')
      .replace(/\r?\n/g, '')
      .replace(/^[ \t]+|[ \t]+$/g, '');
    const key = casedKey.toLowerCase();
    if (line.length > MAX_FIELD && READ.has(key)) return;
    if (key === 'dkim-signature' && --left < 0) return;
    parsed.push({ key, casedKey, line });
  };
  let start = 0;
  let end = 0;
  for (const [index, text] of lines.entries()) {
    if (end > start && startsField(text, lines[index + 1])) {
      add(start, end);
      start = end;
    }
    end = Math.min(header.length, end + text.length + 1);
  }
  if (end > start) add(start, end);
  return { parsed, original: header };
}

function startsField(line: string, below: string | undefined): boolean {
  if (FIELD_START.test(line)) return true;
  return below !== undefined && NAME_ALONE.test(line.replace(/\r$/, '')) && COLON_BELOW.test(below);
}

function withoutLineEnd(header: Buffer, start: number, end: number): number {
  let last = end;
  if (last > start && header[last - 1] === 10) last -= 1;
  if (last > start && header[last - 1] === 13) last -= 1;
  return last;
}
