// The part of a notice that programs read: message/delivery-status (RFC 3464), or its sister for addresses in UTF-8,
// message/global-delivery-status (RFC 6533 §3). Pure.

import { type MailParameters, printable } from '../smtp/index.ts';
import type { RecipientNews } from './news.ts';
import type { NoticeFacts } from './notice.ts';
import { folded, isAscii, oneLine } from './report-text.ts';

/** RFC 3464 §2.2 and §2.3: fields about the message, then a group of fields for each recipient. */
export function deliveryStatus(facts: NoticeFacts): { readonly type: string; readonly content: Uint8Array } {
  const { original, news, hostname, arrived } = facts;
  const global = news.some(
    ({ recipient }) => !isAscii(recipient.address) || !isAscii(recipient.parameters?.orcpt?.address ?? ''),
  );
  const { envid } = original.parameters;
  const groups = [
    [
      // RFC 3461 §6.3 (a): decoded, as it is in the record.
      ...(envid === undefined ? [] : [folded(`Original-Envelope-Id: ${printable(oneLine(envid))}`)]),
      `Reporting-MTA: dns; ${hostname}`,
      `Arrival-Date: ${arrived}`,
      ...futureReleaseRequest(original.parameters),
    ],
    ...news.map((each) => aboutRecipient(each, facts)),
  ];
  const text = groups.map((fields) => `${fields.join('\r\n')}\r\n`).join('\r\n');
  return { type: `message/${global ? 'global-' : ''}delivery-status`, content: Buffer.from(text, 'utf8') };
}

/** RFC 4865 §6: what the sender asked for, as it was asked. */
function futureReleaseRequest({ holdFor, holdUntil }: MailParameters): readonly string[] {
  if (holdFor !== undefined) return [`Future-Release-Request: for;${holdFor}`];
  return holdUntil === undefined ? [] : [`Future-Release-Request: until;${printable(oneLine(holdUntil))}`];
}

function aboutRecipient(
  { action, recipient, status, text, remote }: RecipientNews,
  facts: NoticeFacts,
): string[] {
  const { now, expires } = facts;
  const orcpt = recipient.parameters?.orcpt;
  const diagnosis =
    remote === undefined
      ? text === ''
        ? ''
        : `x-posthouse; ${oneLine(text)}`
      : `smtp; ${oneLine(remote.reply)}`;
  return [
    // RFC 3461 §6.3 (c): decoded likewise.
    ...(orcpt === undefined
      ? []
      : [folded(`Original-Recipient: ${oneLine(orcpt.type)}; ${oneLine(orcpt.address)}`)]),
    `Final-Recipient: ${isAscii(recipient.address) ? 'rfc822' : 'utf-8'}; ${oneLine(recipient.address)}`,
    `Action: ${action}`,
    `Status: ${status}`,
    ...(remote === undefined ? [] : [folded(`Remote-MTA: dns; ${printable(oneLine(remote.host))}`)]),
    // RFC 3464 §2.1: a delivery-status part is ASCII, so what else stands in a reply is escaped.
    ...(diagnosis === '' ? [] : [folded(`Diagnostic-Code: ${printable(diagnosis)}`)]),
    `Last-Attempt-Date: ${now}`,
    ...(action === 'delayed' ? [`Will-Retry-Until: ${expires}`] : []),
  ];
}
