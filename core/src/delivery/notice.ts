// Writes a notice: a delivery status notification in a multipart/report (RFC 6522), as octets. Pure.
// Not for: deciding who gets one (notice-writer.ts). Its words for people are in notice-text.ts, those for programs in
// delivery-status.ts.

import type { MessageRecord } from '../contract/index.ts';
import { deliveryStatus } from './delivery-status.ts';
import type { RecipientNews } from './news.ts';
import type { NoticeTemplate } from './notice-template.ts';
import { noticeText, subjectField } from './notice-text.ts';
import { quotedPrintable } from './quoted-printable.ts';
import { isAscii } from './report-text.ts';
import { hasLongLine, isSendable, type ReturnedOriginal } from './returned-original.ts';

export interface NoticeFacts {
  readonly original: Pick<MessageRecord, 'sender' | 'parameters'>;
  readonly returned: ReturnedOriginal;
  /** At least one; all with the same action. */
  readonly news: readonly RecipientNews[];
  readonly template: NoticeTemplate;
  /** Our own name. */
  readonly hostname: string;
  /** For the Message-ID and the boundary. */
  readonly id: string;
  /** RFC 5322 §3.3 dates. */
  readonly now: string;
  readonly arrived: string;
  /** When the message is given up. */
  readonly expires: string;
}

export interface Notice {
  readonly content: Uint8Array;
  /** There are octets beyond ASCII in it: BODY=8BITMIME (RFC 6152). */
  readonly eightBit: boolean;
  /** There are such octets in its own header section: it needs SMTPUTF8 (RFC 6531 §3.2). */
  readonly smtputf8: boolean;
}

interface Part {
  readonly type: string;
  readonly content: Uint8Array;
  /** Default: as it is, in 7 or 8 bits. */
  readonly encoding?: 'quoted-printable';
  /** What people are told of it. */
  readonly description?: string;
}

export function noticeFor(facts: NoticeFacts): Notice {
  const { original, returned, template, hostname, id, now } = facts;
  const parts: readonly Part[] = [
    textPart(noticeText(facts)),
    deliveryStatus(facts),
    returnedPart(returned, original.parameters.smtputf8 === true),
  ];
  const boundary = boundaryFor(parts, id);
  const eightBit = parts.some(({ content }) => !isSevenBit(content));
  const messageId = messageIdOf(returned.octets);
  const top = [
    `From: "Mail Delivery System" <MAILER-DAEMON@${hostname}>`,
    `To: <${original.sender}>`,
    subjectField(template.subject),
    `Date: ${now}`,
    `Message-ID: <${id}@${hostname}>`,
    ...(messageId === undefined ? [] : [`In-Reply-To: ${messageId}`, `References: ${messageId}`]),
    // RFC 3834 §5
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status;',
    `\tboundary="${boundary}"`,
    `Content-Transfer-Encoding: ${eightBit ? '8bit' : '7bit'}`,
    '',
    'This is a delivery status notification in MIME format.',
  ];
  const pieces: Uint8Array[] = [Buffer.from(`${top.join('\r\n')}\r\n`, 'utf8')];
  for (const part of parts) {
    const { type, content, encoding = isSevenBit(content) ? '7bit' : '8bit', description } = part;
    const about = description === undefined ? '' : `Content-Description: ${description}\r\n`;
    const header = `\r\n--${boundary}\r\nContent-Type: ${type}\r\n${about}Content-Transfer-Encoding: ${encoding}\r\n\r\n`;
    pieces.push(Buffer.from(header, 'latin1'), content);
  }
  pieces.push(Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1'));
  return { content: Buffer.concat(pieces), eightBit, smtputf8: !isAscii(original.sender) };
}

/** Words of any language leave in seven bits: a notice that a host without 8BITMIME cannot take would be lost. */
function textPart(text: string): Part {
  const content = Buffer.from(text, 'utf8');
  if (isAscii(text)) return { type: 'text/plain; charset=us-ascii', content };
  return {
    type: 'text/plain; charset=utf-8',
    content: quotedPrintable(content),
    encoding: 'quoted-printable',
  };
}

/** A header section that not every mail server carries is encoded, which RFC 6522 §4 allows it alone. */
function returnedPart(returned: ReturnedOriginal, smtputf8: boolean): Part {
  const { kind, octets, reason } = returned;
  const type = returnedType(returned, smtputf8);
  // RFC 6533 §4 would have the octets of a global type as they are.
  const plain = isSendable(octets) && (isSevenBit(octets) || type === GLOBAL_HEADERS);
  if (kind === 'message' || (plain && !hasLongLine(octets)))
    return { type, content: octets, ...(reason !== undefined && { description: reason }) };
  const content = quotedPrintable(octets);
  return { type, content, encoding: 'quoted-printable', description: reason ?? ENCODED };
}

const ENCODED = 'Header in quoted-printable, as it has octets or lines that not every mail server carries';
const GLOBAL_HEADERS = 'message/global-headers';

/** RFC 6522 §3, and RFC 6533 §4 for what only SMTPUTF8 could carry. */
function returnedType({ kind, octets }: ReturnedOriginal, smtputf8: boolean): string {
  const global = smtputf8 && !isSevenBit(octets);
  if (kind === 'message') return global ? 'message/global' : 'message/rfc822';
  return global ? GLOBAL_HEADERS : 'text/rfc822-headers';
}

/** RFC 2046 §5.1.1: no line of the content begins with it; whoever wrote the content may have tried to foresee it. */
function boundaryFor(parts: readonly Part[], id: string): string {
  const name = id.replace(/[^A-Za-z0-9]/g, '').slice(0, 40);
  for (let turn = 0; ; turn++) {
    const boundary = `=_${name}_${turn}`;
    if (parts.every(({ content }) => !asBuffer(content).includes(boundary, 0, 'latin1'))) return boundary;
  }
}

/** The original's Message-ID, where it is one that can be repeated in a header field. */
function messageIdOf(original: Uint8Array): string | undefined {
  const header = /^(?:[^\r\n].*\r?\n)*/.exec(asBuffer(original).toString('latin1', 0, 65_536))?.[0] ?? '';
  return /^Message-ID:[ \t]*(?:\r\n[ \t]+)?(<[!-;=?-~]{1,900}>)/im.exec(header)?.[1];
}

function isSevenBit(octets: Uint8Array): boolean {
  for (let index = 0; index < octets.length; index++) if ((octets[index] as number) > 0x7f) return false;
  return true;
}

function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length);
}
