// Writes the bounce: a delivery status notification (RFC 3464) in a multipart/report (RFC 6522), as octets. Pure.
// Not for: deciding who gets one (bounce-writer.ts). Its words for people are in bounce-text.ts.

import type { MessageRecord } from '../contract/index.ts';
import { printable } from '../smtp/index.ts';
import { explanation } from './bounce-text.ts';
import { folded, isAscii, oneLine } from './report-text.ts';
import type { FailedRecipient } from './settlement.ts';

export interface BounceFacts {
  readonly original: Pick<MessageRecord, 'sender' | 'parameters'>;
  readonly returned: ReturnedOriginal;
  readonly failed: readonly FailedRecipient[];
  /** Our own name. */
  readonly hostname: string;
  /** For the Message-ID and the boundary. */
  readonly id: string;
  /** RFC 5322 §3.3 dates. */
  readonly now: string;
  readonly arrived: string;
}

/** What the bounce gives back of the original, octet for octet. */
export interface ReturnedOriginal {
  /** `message`: all of it. `headers`: the header section, or as much of it as fits. */
  readonly kind: 'message' | 'headers';
  readonly octets: Uint8Array;
}

export interface Bounce {
  readonly content: Uint8Array;
  /** There are octets beyond ASCII in it: BODY=8BITMIME (RFC 6152). */
  readonly eightBit: boolean;
  /** There are such octets in its own header section: it needs SMTPUTF8 (RFC 6531 §3.2). */
  readonly smtputf8: boolean;
}

interface Part {
  readonly type: string;
  readonly content: Uint8Array;
}

export function bounceFor(facts: BounceFacts): Bounce {
  const { original, returned, hostname, id, now } = facts;
  const parts = [
    textPart(explanation(facts)),
    deliveryStatus(facts),
    { type: returnedType(returned, original.parameters.smtputf8 === true), content: returned.octets },
  ];
  const boundary = boundaryFor(parts, id);
  const eightBit = parts.some(({ content }) => !isSevenBit(content));
  const messageId = messageIdOf(returned.octets);
  const top = [
    `From: "Mail Delivery System" <MAILER-DAEMON@${hostname}>`,
    `To: <${original.sender}>`,
    'Subject: Your message could not be delivered',
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
  for (const { type, content } of parts) {
    const encoding = isSevenBit(content) ? '7bit' : '8bit';
    const header = `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`;
    pieces.push(Buffer.from(header, 'latin1'), content);
  }
  pieces.push(Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1'));
  return { content: Buffer.concat(pieces), eightBit, smtputf8: !isAscii(original.sender) };
}

function textPart(text: string): Part {
  const charset = isAscii(text) ? 'us-ascii' : 'utf-8';
  return { type: `text/plain; charset=${charset}`, content: Buffer.from(text, 'utf8') };
}

/** RFC 6522 §3, and RFC 6533 §4 for what only SMTPUTF8 could carry. */
function returnedType({ kind, octets }: ReturnedOriginal, smtputf8: boolean): string {
  const global = smtputf8 && !isSevenBit(octets);
  if (kind === 'message') return global ? 'message/global' : 'message/rfc822';
  return global ? 'message/global-headers' : 'text/rfc822-headers';
}

/** RFC 3464 §2.2 and §2.3: fields about the message, then a group of fields for each recipient. */
function deliveryStatus(facts: BounceFacts): Part {
  const { original, failed, hostname, now, arrived } = facts;
  const global = failed.some(
    ({ recipient }) => !isAscii(recipient.address) || !isAscii(recipient.parameters?.orcpt?.address ?? ''),
  );
  const { envid } = original.parameters;
  const groups = [
    [
      // RFC 3461 §6.3 (a): decoded, as it is in the record.
      ...(envid === undefined ? [] : [folded(`Original-Envelope-Id: ${printable(oneLine(envid))}`)]),
      `Reporting-MTA: dns; ${hostname}`,
      `Arrival-Date: ${arrived}`,
    ],
  ];
  for (const { recipient, outcome } of failed) {
    const orcpt = recipient.parameters?.orcpt;
    const { remote } = outcome;
    const diagnosis =
      remote === undefined ? `x-posthouse; ${oneLine(outcome.text)}` : `smtp; ${oneLine(remote.reply)}`;
    groups.push([
      // RFC 3461 §6.3 (c): decoded likewise.
      ...(orcpt === undefined
        ? []
        : [folded(`Original-Recipient: ${oneLine(orcpt.type)}; ${oneLine(orcpt.address)}`)]),
      `Final-Recipient: ${isAscii(recipient.address) ? 'rfc822' : 'utf-8'}; ${oneLine(recipient.address)}`,
      'Action: failed',
      `Status: ${outcome.status}`,
      ...(remote === undefined ? [] : [folded(`Remote-MTA: dns; ${printable(oneLine(remote.host))}`)]),
      // RFC 3464 §2.1: a delivery-status part is ASCII, so what else stands in a reply is escaped.
      folded(`Diagnostic-Code: ${printable(diagnosis)}`),
      `Last-Attempt-Date: ${now}`,
    ]);
  }
  const text = groups.map((fields) => `${fields.join('\r\n')}\r\n`).join('\r\n');
  return { type: `message/${global ? 'global-' : ''}delivery-status`, content: Buffer.from(text, 'utf8') };
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
