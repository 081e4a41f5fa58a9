// Writes the bounce: a delivery status notification (RFC 3464) in a multipart/report (RFC 6522), as octets. Pure.
// Not for: deciding who gets one (settlement.ts, and never for a message with the null sender).

import type { MessageRecord } from '../contract/index.ts';
import { describeStatus, formatUnicodeXtext, formatXtext } from '../smtp/index.ts';
import type { FailedRecipient } from './settlement.ts';

export interface BounceFacts {
  readonly original: MessageRecord;
  /** The original's header section as far as it is to be returned; octets as latin1. */
  readonly header: string;
  readonly failed: readonly FailedRecipient[];
  /** Our own name. */
  readonly hostname: string;
  /** For the Message-ID and the boundary. */
  readonly id: string;
  /** RFC 5322 §3.3 dates. */
  readonly now: string;
  readonly arrived: string;
}

/** Octets of the original's header section that a bounce returns. */
export const RETURNED_HEADER = 65_536;

export interface Bounce {
  readonly content: Uint8Array;
  /** An address beyond ASCII is in it, so the next hop must know SMTPUTF8 (RFC 6533). */
  readonly smtputf8: boolean;
}

export function bounceFor(facts: BounceFacts): Bounce {
  const { original, failed, hostname, id, now } = facts;
  const smtputf8 = !isAscii(original.sender) || failed.some(({ recipient }) => !isAscii(recipient.address));
  const boundary = `=_${id}_${hostname.replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 30)}`;
  const messageId = /^Message-ID:[ \t]*(?:\r\n[ \t]+)?(<[!-~]{1,900}>)/im.exec(facts.header)?.[1];
  const top = [
    `From: Mail Delivery System <MAILER-DAEMON@${hostname}>`,
    `To: <${original.sender}>`,
    'Subject: Undelivered mail returned to sender',
    `Date: ${now}`,
    `Message-ID: <${id}@${hostname}>`,
    ...(messageId === undefined ? [] : [`In-Reply-To: ${messageId}`, `References: ${messageId}`]),
    'Auto-Submitted: auto-replied', // RFC 3834 §5
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status;',
    `\tboundary="${boundary}"`,
    'Content-Transfer-Encoding: 8bit',
  ];
  const globalName = smtputf8 ? 'global-' : '';
  const parts = [
    part('text/plain; charset=utf-8', explanation(facts)),
    part(`message/${globalName}delivery-status`, deliveryStatus(facts, smtputf8)),
  ];
  const lines = [...top, '', 'This is a delivery status notification in MIME format.', ''];
  const before = Buffer.from(`${[...lines, ...parts.flatMap((each) => [`--${boundary}`, each])].join('\r\n')}\r\n`, 'utf8');
  const headerType = smtputf8 ? 'message/global-headers' : 'text/rfc822-headers';
  const opening = Buffer.from(`--${boundary}\r\n${part(headerType, '')}`, 'utf8');
  const returned = Buffer.from(endedByCrlf(facts.header), 'latin1');
  return { content: Buffer.concat([before, opening, returned, Buffer.from(`\r\n--${boundary}--\r\n`)]), smtputf8 };
}

function part(type: string, content: string): string {
  return `Content-Type: ${type}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${content}`;
}

/** For people: who, why, and what is attached. */
function explanation({ failed, hostname }: BounceFacts): string {
  const lines = [
    `This is the mail system at ${hostname}.`,
    '',
    failed.length === 1
      ? 'Your message could not be delivered to the recipient below.'
      : 'Your message could not be delivered to the recipients below.',
    'It will not be tried again. What the mail systems said stands with each address;',
    'a report for programs and the header of your message are attached.',
    '',
  ];
  for (const { recipient, outcome } of failed) {
    lines.push(`<${harmless(recipient.address)}>`);
    lines.push(`    ${outcome.status} ${describeStatus(outcome.status) ?? ''}`.trimEnd());
    lines.push(...wrapped(harmless(outcome.text)));
    if (outcome.remote) lines.push(...wrapped(`${harmless(outcome.remote.host)} said: ${harmless(outcome.remote.reply)}`));
    lines.push('');
  }
  return lines.join('\r\n');
}

/** RFC 3464 §2.2 and §2.3: fields about the message, then a group of fields for each recipient. */
function deliveryStatus(facts: BounceFacts, smtputf8: boolean): string {
  const { original, failed, hostname, now, arrived } = facts;
  const envid = original.parameters.envid;
  const message = [
    ...(envid === undefined ? [] : [`Original-Envelope-Id: ${formatXtext(envid)}`]),
    `Reporting-MTA: dns; ${hostname}`,
    `Arrival-Date: ${arrived}`,
  ];
  const groups = failed.map(({ recipient, outcome }) => {
    const orcpt = recipient.parameters?.orcpt;
    return [
      ...(orcpt === undefined ? [] : [`Original-Recipient: ${harmless(orcpt.type)}; ${typedAddress(orcpt.address)}`]),
      `Final-Recipient: ${smtputf8 ? 'utf-8' : 'rfc822'}; ${harmless(recipient.address)}`,
      'Action: failed',
      `Status: ${outcome.status}`,
      ...(outcome.remote
        ? [`Remote-MTA: dns; ${harmless(outcome.remote.host)}`, folded(`Diagnostic-Code: smtp; ${harmless(outcome.remote.reply)}`)]
        : [folded(`Diagnostic-Code: X-Posthouse; ${harmless(outcome.text)}`)]),
      `Last-Attempt-Date: ${now}`,
    ].join('\r\n');
  });
  return `${[message.join('\r\n'), ...groups].join('\r\n\r\n')}\r\n`;
}

function typedAddress(address: string): string {
  return isAscii(address) ? formatXtext(address) : formatUnicodeXtext(address);
}

/** One line of printable text: what others wrote cannot begin a field or a part of its own. */
function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, 1000);
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = '   ';
  for (const word of text.split(' ')) {
    if (line.length + word.length > 76 && line.trim() !== '') {
      lines.push(line);
      line = '   ';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}

/** RFC 5322 §2.2.3. */
function folded(field: string): string {
  return wrapped(field)
    .map((line, index) => (index === 0 ? line.trimStart() : `\t${line.trimStart()}`))
    .join('\r\n');
}

function endedByCrlf(text: string): string {
  return text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`;
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}
