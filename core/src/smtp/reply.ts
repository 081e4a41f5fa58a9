// A reply as a value: made, and written in the form of RFC 5321 §4.2 so that nothing in its text can end a line.
// Reading the replies of a next hop is in reply-parser.ts.

import type { EnhancedStatus } from './status.ts';

export interface Reply {
  readonly code: number;
  readonly status?: EnhancedStatus;
  /** One text for each line, without code and status. */
  readonly lines: readonly string[];
}

/** What is wrong with something a client sent: the reply it earns. */
export interface Fault {
  readonly code: number;
  readonly status: EnhancedStatus;
  readonly text: string;
}

export function reply(code: number, status: EnhancedStatus | undefined, ...lines: string[]): Reply {
  return status === undefined ? { code, lines } : { code, status, lines };
}

export function faultReply(fault: Fault): Reply {
  return { code: fault.code, status: fault.status, lines: [fault.text] };
}

// RFC 5321 §4.5.3.1.5: a reply line is at most 512 octets, code and CRLF included.
const MAX_LINE = 512;
const MAX_LINES = 100;
// What is left for the text behind a code, the longest status and before CRLF: needs no breaking.
const SHORT = MAX_LINE - '250 5.999.999 \r\n'.length;

// RFC 5321 §4.2: textstring = 1*(%d09 / %d32-126)
const CLEAN = /^[\t -~]+$/;
const UNCLEAN = /[^\t -~]/gu;

/** The reply as it goes on the wire. Text that came from outside cannot break out of it. */
export function formatReply({ code, status, lines }: Reply): string {
  const text = lines[0];
  if (lines.length === 1 && text !== undefined && text.length <= SHORT && CLEAN.test(text)) {
    return status === undefined ? `${code} ${text}\r\n` : `${code} ${status} ${text}\r\n`;
  }
  return formatLines(code, status, lines);
}

/** Text with all but printable ASCII written as `\x{0A}`, the form of RFC 6533 §3. */
export function printable(text: string): string {
  if (text === '' || CLEAN.test(text)) return text;
  return text.replace(UNCLEAN, (character) => {
    const point = character.codePointAt(0) ?? 0;
    return `\\x{${point.toString(16).toUpperCase().padStart(2, '0')}}`;
  });
}

function formatLines(code: number, status: EnhancedStatus | undefined, lines: readonly string[]): string {
  // RFC 4954 §4: a challenge is one line of BASE64 whatever its length, and the empty one keeps its space.
  if (code === 334) return `334 ${printable(lines[0] ?? '')}\r\n`;
  // RFC 2034 §4: the status stands on every line of a multi-line reply.
  const prefix = status === undefined ? '' : status;
  const room = MAX_LINE - '250 \r\n'.length - (prefix === '' ? 0 : prefix.length + 1);
  const texts: string[] = [];
  for (const line of lines) {
    if (texts.length >= MAX_LINES) break;
    breakLine(printable(line), room, texts);
  }
  if (texts.length === 0) texts.push('');
  const last = Math.min(texts.length, MAX_LINES) - 1;
  let wire = '';
  for (let index = 0; index <= last; index++) {
    const text = texts[index] ?? '';
    const content = prefix !== '' && text !== '' ? `${prefix} ${text}` : prefix + text;
    // RFC 5321 §4.2: a last line without text is the code alone.
    wire +=
      index < last ? `${code}-${content}\r\n` : content === '' ? `${code}\r\n` : `${code} ${content}\r\n`;
  }
  return wire;
}

function breakLine(text: string, room: number, into: string[]): void {
  let start = 0;
  while (text.length - start > room && into.length < MAX_LINES) {
    const space = text.slice(start, start + room + 1).lastIndexOf(' ');
    const length = space > 0 ? space : room;
    into.push(text.slice(start, start + length));
    start += space > 0 ? length + 1 : length;
  }
  if (text.length - start <= room) into.push(text.slice(start));
}
