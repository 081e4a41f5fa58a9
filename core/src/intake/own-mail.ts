// The octets of a message that a plugin has written: its parts put together, and the fields that every message of a
// program has to have. Pure.

import { type MailContent, type MailField, type MailPart, PosthouseError } from '../contract/index.ts';
import { quotedPrintable } from '../delivery/index.ts';
import { formatField, headerEnd, ParsedHeaders } from './header-section.ts';

export interface OwnMailFacts {
  /** Of Message-ID and boundary: unique. */
  readonly id: string;
  readonly hostname: string;
  /** RFC 5322 §3.3 form. */
  readonly date: string;
}

/** RFC 5322 §2.1.1, without the CRLF. */
const MAX_LINE = 998;
/** RFC 2045 §6.8: characters of a line of BASE64. */
const BASE64_LINE = /.{76}(?=.)/g;
const NAME = /^[!-9;-~]{1,77}$/;

/** As it goes to the intake. Throws a PosthouseError `mail-refused` for what mail cannot carry. */
export function ownMailOctets(content: MailContent | Uint8Array, facts: OwnMailFacts): Uint8Array {
  const octets = content instanceof Uint8Array ? content : multipart(content, facts.id);
  const text = latin1(octets);
  if (/\0|\r(?!\n)|(?<!\r)\n/.test(text))
    throw refused('it has a NUL, or a CR or LF that is not part of a CRLF');
  if (text.split('\r\n').some((line) => line.length > MAX_LINE))
    throw refused(`it has a line of more than ${MAX_LINE} octets`);
  const end = headerEnd(octets);
  if (end <= 0) throw refused('it has no header section with an empty line behind it');
  const missing = missingFields(new ParsedHeaders(octets.subarray(0, end)), facts);
  return missing === '' ? octets : Buffer.concat([Buffer.from(missing, 'latin1'), octets]);
}

/** Whether the header section needs SMTPUTF8 (RFC 6531 §3.2), and whether anything is beyond ASCII. */
export function needsOf(octets: Uint8Array): { readonly smtputf8: boolean; readonly eightBit: boolean } {
  const first = octets.findIndex((octet) => octet > 0x7f);
  return { eightBit: first !== -1, smtputf8: first !== -1 && first < headerEnd(octets) };
}

function missingFields(headers: ParsedHeaders, { id, hostname, date }: OwnMailFacts): string {
  const auto = headers.first('Auto-Submitted');
  // RFC 3834 §5: by this others know that they must not answer.
  if (auto !== undefined && /^no\b/i.test(auto))
    throw refused('its Auto-Submitted field says that a person has written it');
  if (headers.first('From') === undefined) throw refused('it has no From field');
  return [
    ...(headers.first('Date') === undefined ? [`Date: ${date}\r\n`] : []),
    ...(headers.first('Message-ID') === undefined ? [`Message-ID: <${id}@${hostname}>\r\n`] : []),
    ...(auto === undefined ? ['Auto-Submitted: auto-generated\r\n'] : []),
  ].join('');
}

function multipart({ fields, multipart: subtype, parts }: MailContent, id: string): Uint8Array {
  const bodies = parts.map(partOctets);
  const boundary = boundaryFor(bodies, id);
  const top = [
    ...fields,
    ['MIME-Version', '1.0'] as const,
    ['Content-Type', `multipart/${subtype}; boundary="${boundary}"`] as const,
  ];
  const pieces: Uint8Array[] = [Buffer.from(`${top.map(field).join('')}`, 'utf8')];
  for (const body of bodies) pieces.push(Buffer.from(`\r\n--${boundary}\r\n`, 'latin1'), body);
  pieces.push(Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1'));
  return Buffer.concat(pieces);
}

function partOctets({ type, fields = [], content }: MailPart): Buffer {
  const { encoding, octets, charset = '' } = encoded(content);
  const header = [
    ['Content-Type', `${type}${charset}`] as const,
    ['Content-Transfer-Encoding', encoding] as const,
    ...fields,
  ];
  return Buffer.concat([Buffer.from(`${header.map(field).join('')}\r\n`, 'utf8'), octets]);
}

function encoded(content: string | Uint8Array): {
  readonly encoding: string;
  readonly octets: Buffer;
  readonly charset?: string;
} {
  if (typeof content !== 'string') {
    const lines = Buffer.from(content).toString('base64').replace(BASE64_LINE, '$&\r\n');
    return { encoding: 'base64', octets: Buffer.from(lines, 'latin1') };
  }
  const octets = Buffer.from(content.replace(/\r?\n/g, '\r\n'), 'utf8');
  if (/^[\t\n\r -~]*$/.test(content) && content.split('\n').every(({ length }) => length <= MAX_LINE))
    return { encoding: '7bit', octets, charset: '; charset=us-ascii' };
  return { encoding: 'quoted-printable', octets: quotedPrintable(octets), charset: '; charset=utf-8' };
}

function field([name, value]: MailField): string {
  // A line end in a value would let whoever wrote it begin a field of his own, or the body.
  if (!NAME.test(name) || /[\r\n\0]/.test(value))
    throw refused(`${JSON.stringify(name)} is no header field, or has a line end in its value`);
  return formatField(name, value);
}

/** RFC 2046 §5.1.1: it stands in no part; whoever wrote what is in them may have tried to foresee it. */
function boundaryFor(bodies: readonly Buffer[], id: string): string {
  for (let turn = 0; ; turn++) {
    const boundary = `=_${id.replace(/[^A-Za-z0-9]/g, '').slice(0, 40)}_${turn}`;
    if (bodies.every((body) => !body.includes(boundary, 0, 'latin1'))) return boundary;
  }
}

export function refused(text: string): PosthouseError {
  return new PosthouseError('mail-refused', `the message was not taken: ${text}`);
}

function latin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1');
}
