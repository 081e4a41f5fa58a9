// The leaves of a MIME message (RFC 2046), within bounds of size, depth and number. Pure.

import { type Field, fieldsOf, first, parameterised } from './header-fields.ts';

export interface Part {
  /** In small letters; `text/plain` where the part does not say. */
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly fields: readonly Field[];
  /** Decoded; UTF-8 where it is. */
  readonly text: string;
}

/** Octets of a message that are looked at: reports stand at its beginning, and a returned original may be large. */
export const MOST_OCTETS = 262_144;
const DEEPEST = 5;
const MOST_PARTS = 40;

/** The top of the message, and its leaves in their order. Parts of type message/* are leaves. */
export function partsOf(message: Uint8Array): {
  readonly top: readonly Field[];
  readonly parts: readonly Part[];
} {
  const text = Buffer.from(message.subarray(0, MOST_OCTETS)).toString('latin1');
  const parts: Part[] = [];
  const top = split(text);
  collect(top.fields, top.body, 0, parts);
  return { top: top.fields, parts };
}

/** The fields of a message or part, and what follows them. */
export function split(text: string): { readonly fields: readonly Field[]; readonly body: string } {
  const end = /^\r?\n|\r?\n\r?\n/.exec(text);
  if (end === null) return { fields: fieldsOf(readable(text)), body: '' };
  return {
    fields: fieldsOf(readable(text.slice(0, end.index))),
    body: text.slice(end.index + end[0].length),
  };
}

function collect(fields: readonly Field[], body: string, depth: number, parts: Part[]): void {
  if (parts.length === MOST_PARTS) return;
  const { value, parameters } = parameterised(first(fields, 'content-type') ?? 'text/plain');
  const boundary = parameters.get('boundary') ?? '';
  if (value.startsWith('multipart/') && boundary !== '' && depth < DEEPEST) {
    for (const inner of between(body, boundary)) {
      const part = split(inner);
      collect(part.fields, part.body, depth + 1, parts);
    }
    return;
  }
  const encoding = first(fields, 'content-transfer-encoding')?.toLowerCase() ?? '';
  parts.push({
    type: value === '' ? 'text/plain' : value,
    parameters,
    fields,
    text: decoded(body, encoding),
  });
}

/** RFC 2046 §5.1.1. What stands before the first delimiter and behind the last one is no part. */
function between(body: string, boundary: string): readonly string[] {
  const pieces: string[] = [];
  const delimiter = `--${boundary}`;
  let start = -1;
  let at = body.startsWith(delimiter) ? 0 : nextDelimiter(body, delimiter, 0);
  while (at !== -1 && pieces.length <= MOST_PARTS) {
    if (start !== -1) pieces.push(body.slice(start, at).replace(/\r?\n$/, ''));
    const line = body.indexOf('\n', at);
    const closes = body.startsWith('--', at + delimiter.length);
    if (closes || line === -1) return pieces;
    start = line + 1;
    at = body.startsWith(delimiter, start) ? start : nextDelimiter(body, delimiter, start);
  }
  // Cut off before its end: what is there is read.
  if (start !== -1) pieces.push(body.slice(start));
  return pieces;
}

function nextDelimiter(body: string, delimiter: string, from: number): number {
  const found = body.indexOf(`\n${delimiter}`, from);
  return found === -1 ? -1 : found + 1;
}

function decoded(body: string, encoding: string): string {
  if (encoding === 'base64') return readable(Buffer.from(body, 'base64').toString('latin1'));
  if (encoding !== 'quoted-printable') return readable(body);
  const plain = body
    .replace(/[ \t]*=[ \t]*\r?\n/g, '')
    .replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return readable(plain);
}

/** Octets as latin1 in, text out: UTF-8 where they are. */
function readable(text: string): string {
  if (!/[\x80-\xff]/.test(text)) return text;
  const decodedText = Buffer.from(text, 'latin1').toString('utf8');
  return decodedText.includes('\ufffd') ? text : decodedText;
}
