// The smuggling corpus: what somebody may take for the end of data though it is not CRLF.CRLF (RFC 5321 §4.1.1.4),
// and what an attacker writes behind it.

const BEFORE = ['\n', '\r', '\r\n', '\r\r\n', '\n\r', '\0\n', '\r\0\n', '\r\n\0', '\0'];
const AFTER = ['\n', '\r', '\r\n', '\r\r\n', '\n\r', '\0\n', '\0\r\n', '\r\0\n', '\0'];

const TRUE_END = '\r\n.\r\n';

/** Every false end of data: a dot between two things that are almost an end of line. Latin-1. */
export const FALSE_ENDS: readonly string[] = BEFORE.flatMap((before) =>
  AFTER.map((after) => `${before}.${after}`),
).filter((sequence) => !sequence.includes(TRUE_END));

/** Those that may open a message: nothing stands before their dot. */
export const FALSE_STARTS: readonly string[] = AFTER.filter((after) => after !== '\r\n').map(
  (after) => `.${after}`,
);

/** The message that the attacker wants to be read as a second one. */
export const SMUGGLED = [
  'MAIL FROM:<smuggler@evil.example>',
  'RCPT TO:<victim@ours.example>',
  'DATA',
  'Subject: smuggled',
  '',
  'Pay at once.',
].join('\r\n');

export const HEADER = 'Subject: cover\r\nFrom: <a@client.example>\r\n';

/** Where a false end can stand in a message; each content ends in CRLF, without the true end. */
export const PLACES: readonly (readonly [name: string, content: (falseEnd: string) => string])[] = [
  ['in the body', (falseEnd) => `${HEADER}\r\nHello${falseEnd}${SMUGGLED}\r\n`],
  ['in the header section', (falseEnd) => `${HEADER}X-Field: a${falseEnd}${SMUGGLED}\r\n`],
  ['at the beginning of the body', (falseEnd) => `${HEADER}\r\n${falseEnd}${SMUGGLED}\r\n`],
  ['as the end of the header section', (falseEnd) => `Subject: cover${falseEnd}${SMUGGLED}\r\n`],
];

/** A name for a test: the sequence with its octets named. */
export function named(sequence: string): string {
  return sequence.replaceAll('\r', '<CR>').replaceAll('\n', '<LF>').replaceAll('\0', '<NUL>');
}

/** What there should never be in a normalised message. */
export const BARE_LINE_END = /(?<!\r)\n|\r(?!\n)/;
