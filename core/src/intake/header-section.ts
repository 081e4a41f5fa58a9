// Reads and edits the header section of a message (RFC 5322 §2.2), octet for octet: what is not edited stays as it is.

import type { HeaderField, HeaderSection } from '../contract/index.ts';
import type { Edit } from '../hooks/index.ts';

const CR = 13;
const LF = 10;
const TAB = 9;
const SPACE = 32;

/** Where the header section ends: the index of the empty line, or -1 while it has not come. `from` resumes a search. */
export function headerEnd(bytes: Uint8Array, from = 0): number {
  if (bytes[0] === CR && bytes[1] === LF) return 0;
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(
    '\r\n\r\n',
    Math.max(0, from - 3),
    'latin1',
  );
  return at === -1 ? -1 : at + 2;
}

/** A field as it stands: its name, and its octets as latin1, folding and final CRLF included. */
interface RawField {
  readonly name: string;
  readonly raw: string;
}

/** The fields in order. Lines that are no field (no colon) are kept as fields without a name. */
function rawFields(header: string): RawField[] {
  const fields: RawField[] = [];
  let start = 0;
  while (start < header.length) {
    let end = header.indexOf('\n', start) + 1;
    while (end > 0 && (header.charCodeAt(end) === SPACE || header.charCodeAt(end) === TAB)) {
      end = header.indexOf('\n', end) + 1;
    }
    if (end <= 0) end = header.length;
    const raw = header.slice(start, end);
    const colon = raw.indexOf(':');
    fields.push({ name: colon === -1 ? '' : raw.slice(0, colon).trimEnd(), raw });
    start = end;
  }
  return fields;
}

function contentOf({ raw }: RawField): string {
  const octets = raw.slice(raw.indexOf(':') + 1).replace(/\r\n(?=[ \t])/g, '');
  return Buffer.from(octets, 'latin1').toString('utf8').trim();
}

/** What every message is asked about its header section. */
export interface HeaderSurvey {
  /** Header fields, by their first lines. */
  readonly fields: number;
  readonly received: number;
  /** Whether there is an Authentication-Results field. */
  readonly results: boolean;
  /** The value of the first Content-Type, unfolded; '' where there is none. */
  readonly contentType: string;
}

/** Looks once at each line, without building any field. */
export function surveyHeader(header: Uint8Array): HeaderSurvey {
  let fields = 0;
  let received = 0;
  let results = false;
  let contentType: string | undefined;
  let start = 0;
  while (start < header.length) {
    const first = header[start] as number;
    if (first !== SPACE && first !== TAB) {
      fields += 1;
      const lower = first | 0x20;
      if (lower === LOWER_R && startsWith(header, start, 'received:')) received += 1;
      else if (lower === LOWER_C && contentType === undefined && startsWith(header, start, 'content-type:'))
        contentType = contentOf({ name: '', raw: fieldAt(header, start) });
      else if (lower === LOWER_A && startsWith(header, start, 'authentication-results')) results = true;
    }
    const end = header.indexOf(LF, start);
    if (end === -1) break;
    start = end + 1;
  }
  return { fields, received, results, contentType: contentType ?? '' };
}

const LOWER_A = 0x61;
const LOWER_C = 0x63;
const LOWER_R = 0x72;

/** The field that begins here, with the lines that continue it. */
function fieldAt(header: Uint8Array, start: number): string {
  let end = header.indexOf(LF, start) + 1;
  while (end > 0 && (header[end] === SPACE || header[end] === TAB)) end = header.indexOf(LF, end) + 1;
  return latin1(header.subarray(start, end <= 0 ? header.length : end));
}

function startsWith(bytes: Uint8Array, start: number, lowerCase: string): boolean {
  for (let index = 0; index < lowerCase.length; index++) {
    const byte = bytes[start + index];
    if (byte === undefined) return false;
    const lower = byte >= 65 && byte <= 90 ? byte + 32 : byte;
    if (lower !== lowerCase.charCodeAt(index)) return false;
  }
  return true;
}

/** The header section as plugins read it, parsed when first asked for. */
export class ParsedHeaders implements HeaderSection {
  readonly #bytes: Uint8Array;
  #fields: readonly HeaderField[] | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  first(name: string): string | undefined {
    const wanted = name.toLowerCase();
    return this.#parsed().find((field) => field.name.toLowerCase() === wanted)?.value;
  }

  all(name: string): readonly string[] {
    const wanted = name.toLowerCase();
    return this.#parsed()
      .filter((field) => field.name.toLowerCase() === wanted)
      .map((field) => field.value);
  }

  [Symbol.iterator](): Iterator<HeaderField> {
    return this.#parsed()[Symbol.iterator]();
  }

  #parsed(): readonly HeaderField[] {
    this.#fields ??= rawFields(latin1(this.#bytes))
      .filter((field) => field.name !== '')
      .map((field) => ({ name: field.name, value: contentOf(field) }));
    return this.#fields;
  }
}

/** The section after the `replace` and `remove` edits, in their order. Prepended fields are not its business. */
export function editHeader(header: Uint8Array, edits: readonly Edit[]): Uint8Array {
  let fields = rawFields(latin1(header));
  for (const edit of edits) {
    if (edit.kind === 'remove') {
      const { which } = edit;
      fields = fields.filter(
        (field) =>
          !sameName(field, edit.name) || (which && !which({ name: field.name, value: contentOf(field) })),
      );
    } else if (edit.kind === 'replace') {
      const at = fields.findIndex((field) => sameName(field, edit.name));
      const octets = Buffer.from(formatField(edit.name, edit.value), 'utf8').toString('latin1');
      const replacement: RawField = { name: edit.name, raw: octets };
      if (at === -1) fields.push(replacement);
      else
        fields = fields.flatMap((field, i) =>
          i === at ? [replacement] : sameName(field, edit.name) ? [] : [field],
        );
    }
  }
  return Buffer.from(fields.map((field) => field.raw).join(''), 'latin1');
}

/**
 * A field with its CRLF, folded at spaces near 78 characters (RFC 5322 §2.1.1), never into a line of spaces alone.
 * A value that is folded already stays as it is: a signature may cover its line ends.
 */
export function formatField(name: string, value: string): string {
  if (value.includes('\r\n')) return `${name}: ${value}\r\n`;
  let line = `${name}:`;
  let text = '';
  for (const word of value.trimEnd().split(' ')) {
    if (line.length + 1 + word.length > 78 && line.trim() !== '' && line !== `${name}:`) {
      text += `${line}\r\n`;
      line = '';
    }
    line += ` ${word}`;
  }
  return `${text}${line}\r\n`;
}

function sameName(field: RawField, name: string): boolean {
  return field.name.toLowerCase() === name.toLowerCase();
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
