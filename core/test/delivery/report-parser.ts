// Reads a bounce back: just enough MIME and RFC 3464 to hold a report against, written from the RFCs and not from the
// code that it checks.

import assert from 'node:assert/strict';

export interface Fields {
  /** The unfolded value of the first field of that name, undefined without one. */
  readonly get: (name: string) => string | undefined;
  readonly names: readonly string[];
}

export interface Part {
  readonly header: Fields;
  /** Octets as latin1. */
  readonly content: string;
}

export interface Report {
  readonly header: Fields;
  readonly parts: readonly Part[];
  readonly text: string;
  readonly perMessage: Fields;
  readonly perRecipient: readonly Fields[];
  readonly returned: Part;
}

export function parseReport(octets: Uint8Array): Report {
  const whole = Buffer.from(octets).toString('latin1');
  for (const line of whole.split('\r\n')) {
    assert.ok(line.length <= 998, `line of ${line.length} octets`);
    assert.doesNotMatch(line, /[\r\n]/, 'bare CR or LF');
  }
  const { header, content } = split(whole);
  const type = header.get('Content-Type') ?? '';
  assert.match(type, /^multipart\/report; report-type=delivery-status; /);
  const boundary = /boundary="([^"]+)"/.exec(type)?.[1] ?? '';
  const pieces = `\r\n${content}`.split(`\r\n--${boundary}`);
  assert.equal(pieces.length, 5, 'a preamble, three parts and the end');
  assert.equal(pieces[4], '--\r\n');
  const parts = pieces.slice(1, 4).map((piece) => split(piece.slice(2)));
  for (const part of parts) checkEncoding(part);
  if (/[^\0-\x7f]/.test(whole)) assert.equal(header.get('Content-Transfer-Encoding'), '8bit');
  const [text, status, returned] = parts as [Part, Part, Part];
  const [perMessage, ...perRecipient] = status.content
    .replace(/\r\n$/, '')
    .split('\r\n\r\n')
    .map((group) => fields(`${group}\r\n`));
  return { header, parts, text: read(text), perMessage: perMessage as Fields, perRecipient, returned };
}

/** Octets as latin1. */
function read({ header, content }: Part): string {
  return header.get('Content-Transfer-Encoding') === 'quoted-printable' ? unquoted(content) : content;
}

function checkEncoding({ header, content }: Part): void {
  const encoding = header.get('Content-Transfer-Encoding');
  if (encoding === 'quoted-printable') assert.doesNotMatch(content, /[^\r\n\t -~]|=(?![0-9A-F]{2}|\r\n)/);
  else assert.equal(encoding, /[^\0-\x7f]/.test(content) ? '8bit' : '7bit');
}

/** Quoted-printable (RFC 2045 §6.7), read: octets as latin1. */
export function unquoted(text: string): string {
  return text
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, octet: string) => String.fromCharCode(Number.parseInt(octet, 16)));
}

function split(text: string): Part {
  const end = text.indexOf('\r\n\r\n');
  assert.notEqual(end, -1, 'a header section ends with an empty line');
  return { header: fields(text.slice(0, end + 2)), content: text.slice(end + 4) };
}

function fields(text: string): Fields {
  const all = text
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => {
      const match = /^([!-9;-~]+): ?(.*)$/.exec(line);
      assert.ok(match, `no field: ${line}`);
      return { name: match[1] as string, value: match[2] as string };
    });
  return {
    get: (name) => all.find((field) => field.name.toLowerCase() === name.toLowerCase())?.value,
    names: all.map(({ name }) => name),
  };
}
