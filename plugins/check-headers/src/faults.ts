// What is wrong with a header section, by RFC 5322: each fault under the name of its rule. Pure; one pass over the octets.

export type Rule =
  | 'missing-from'
  | 'missing-date'
  | 'missing-message-id'
  | 'missing-sender'
  | 'repeated'
  | 'malformed'
  | 'eight-bit'
  | 'long-line'
  | 'header-size'
  | 'fields'
  | 'parts'
  | 'depth';

export interface Fault {
  readonly rule: Rule;
  /** For the client; nothing of the message is in it. */
  readonly text: string;
}

export interface Bounds {
  /** Octets of a line, without CRLF. */
  readonly line: number;
  /** Octets of the section. */
  readonly size: number;
  readonly fields: number;
  readonly parts: number;
  readonly depth: number;
}

export interface Examined {
  /** The header section as it came, without the empty line. */
  readonly header: Uint8Array;
  readonly mime: { readonly parts: number; readonly depth: number };
  /** The message may have UTF-8 in its header section (RFC 6532). */
  readonly smtputf8: boolean;
}

// RFC 5322 §3.6: these stand at most once.
const ONCE: ReadonlyMap<string, string> = new Map(
  [
    'Date',
    'From',
    'Sender',
    'Reply-To',
    'To',
    'Cc',
    'Bcc',
    'Message-ID',
    'In-Reply-To',
    'References',
    'Subject',
  ].map((name) => [name.toLowerCase(), name]),
);
const LONGEST_NAME = 'in-reply-to'.length;

const LF = 10;
const TAB = 9;
const SPACE = 32;
const COLON = 58;

/** The faults, in the order of the rules; each rule once. */
export function faultsOf({ header, mime, smtputf8 }: Examined, bounds: Bounds): readonly Fault[] {
  const section = surveyed(header);
  const { seen } = section;
  const found: Fault[] = [];
  const when = (is: boolean, rule: Rule, text: string): void => {
    if (is) found.push({ rule, text });
  };
  when(!seen.has('from'), 'missing-from', 'There is no From field (RFC 5322 section 3.6)');
  when(!seen.has('date'), 'missing-date', 'There is no Date field (RFC 5322 section 3.6)');
  when(
    !seen.has('message-id'),
    'missing-message-id',
    'There is no Message-ID field (RFC 5322 section 3.6.4)',
  );
  when(
    section.authors > 1 && !seen.has('sender'),
    'missing-sender',
    'Several authors need a Sender field (RFC 5322 section 3.6.2)',
  );
  const repeated = [...seen].filter(([, count]) => count > 1).map(([name]) => ONCE.get(name) as string);
  when(repeated.length > 0, 'repeated', `More than one field ${repeated.join(', ')} (RFC 5322 section 3.6)`);
  when(section.malformed, 'malformed', 'A line of the header section is no field (RFC 5322 section 2.2)');
  when(
    section.eightBit && !smtputf8,
    'eight-bit',
    'The header section is not ASCII, and SMTPUTF8 was not asked for (RFC 6532)',
  );
  when(
    section.longest > bounds.line,
    'long-line',
    `A line of the header section is longer than ${bounds.line} octets (RFC 5322 section 2.1.1)`,
  );
  when(header.length > bounds.size, 'header-size', `The header section is larger than ${bounds.size} octets`);
  when(section.fields > bounds.fields, 'fields', `There are more than ${bounds.fields} header fields`);
  when(mime.parts > bounds.parts, 'parts', `There are more than ${bounds.parts} parts`);
  when(mime.depth > bounds.depth, 'depth', `Parts lie more than ${bounds.depth} deep inside each other`);
  return found;
}

interface Survey {
  fields: number;
  /** How often each of those that may stand once does, in small letters. */
  readonly seen: Map<string, number>;
  /** Mailboxes of the first From. */
  authors: number;
  malformed: boolean;
  eightBit: boolean;
  /** Octets of the longest line, without CRLF. */
  longest: number;
}

function surveyed(header: Uint8Array): Survey {
  const survey: Survey = {
    fields: 0,
    seen: new Map(),
    authors: 0,
    malformed: false,
    eightBit: false,
    longest: 0,
  };
  const octets = Buffer.from(header.buffer, header.byteOffset, header.length);
  let field = -1;
  for (let start = 0; start < octets.length; ) {
    const found = octets.indexOf(LF, start);
    const end = found === -1 ? octets.length : found + 1;
    const length = end - start - lineEnd(octets, end);
    if (length > survey.longest) survey.longest = length;
    const first = octets[start];
    if (first === SPACE || first === TAB) {
      // A section cannot begin with a continuation, and a line of white space alone is none (RFC 5322 §3.2.2).
      if (field === -1 || isBlank(octets, start, start + length)) survey.malformed = true;
    } else {
      field = start;
      survey.fields += 1;
      lookAtName(octets, start, start + length, survey);
    }
    start = end;
  }
  // Octets of 128 and more are the characters that latin1 has beyond ASCII.
  survey.eightBit = EIGHT_BIT.test(octets.toString('latin1'));
  return survey;
}

const EIGHT_BIT = /[\x80-\xff]/;

function lookAtName(octets: Buffer, start: number, end: number, survey: Survey): void {
  const colon = octets.indexOf(COLON, start);
  let nameEnd = colon === -1 || colon >= end ? start : colon;
  // RFC 5322 §4.5: older mail has white space before the colon.
  while (nameEnd > start && (octets[nameEnd - 1] === SPACE || octets[nameEnd - 1] === TAB)) nameEnd -= 1;
  // RFC 5322 §2.2: printable ASCII.
  let sound = nameEnd > start;
  for (let at = start; at < nameEnd; at += 1) {
    const octet = octets[at] as number;
    if (octet <= SPACE || octet > 126) sound = false;
  }
  if (!sound) {
    survey.malformed = true;
    return;
  }
  if (nameEnd - start > LONGEST_NAME) return;
  const name = octets.toString('latin1', start, nameEnd).toLowerCase();
  if (!ONCE.has(name)) return;
  const count = (survey.seen.get(name) ?? 0) + 1;
  survey.seen.set(name, count);
  if (name === 'from' && count === 1) survey.authors = mailboxes(valueAt(octets, colon + 1));
}

/** The value of a field with the lines that continue it. */
function valueAt(octets: Buffer, start: number): string {
  let end = octets.indexOf(LF, start) + 1;
  while (end > 0 && (octets[end] === SPACE || octets[end] === TAB)) end = octets.indexOf(LF, end) + 1;
  return octets.toString('latin1', start, end <= 0 ? octets.length : end);
}

/** How many addresses a list has (RFC 5322 §3.4), quoted strings, comments and routes left aside. */
export function mailboxes(list: string): number {
  let count = 0;
  let depth = 0;
  let quoted = false;
  let route = false;
  let something = false;
  for (let at = 0; at < list.length; at += 1) {
    const character = list[at] as string;
    if (character === '\\') at += 1;
    else if (quoted) quoted = character !== '"';
    else if (character === '(') depth += 1;
    else if (character === ')') depth = Math.max(0, depth - 1);
    else if (depth > 0) continue;
    else if (character === '"') quoted = true;
    else if (character === '@') something = true;
    else if (character === '<') route = true;
    else if (character === '>') route = false;
    else if (route) continue;
    else if (character === ',' || character === ';') {
      if (something) count += 1;
      something = false;
    }
  }
  return something ? count + 1 : count;
}

function lineEnd(octets: Buffer, end: number): number {
  if (octets[end - 1] !== LF) return 0;
  return octets[end - 2] === 13 ? 2 : 1;
}

function isBlank(octets: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (octets[at] !== SPACE && octets[at] !== TAB) return false;
  return true;
}
