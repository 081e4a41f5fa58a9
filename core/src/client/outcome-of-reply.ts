// What a next hop's reply means for a recipient: a table. An enhanced status that came with the reply is kept,
// for others the code and the command that it answered decide.

import { type Delivered, Outcome } from '../contract/index.ts';
import {
  isPermanentStatus,
  isTransientStatus,
  type PermanentStatus,
  type RecipientResult,
  type Reply,
  type TransientStatus,
} from '../smtp/index.ts';

type During = RecipientResult['during'];

// What is stored of a reply and comes back in a bounce; the log has no use for more either.
const MAX_TEXT = 1000;

const TRANSIENT: ReadonlyMap<string, TransientStatus> = new Map([
  ['421', '4.3.2'],
  ['450 rcpt', '4.2.0'],
  ['450', '4.0.0'],
  ['451', '4.3.0'],
  ['452 rcpt', '4.5.3'],
  ['452', '4.3.1'],
  ['454', '4.7.0'],
  ['455', '4.5.4'],
  // RFC 5321 §4.5.3.1.10: old servers say 552 when there are too many recipients.
  ['552 rcpt', '4.5.3'],
]);

const PERMANENT: ReadonlyMap<string, PermanentStatus> = new Map([
  ['500', '5.5.2'],
  ['501 mail', '5.1.7'],
  ['501 rcpt', '5.1.3'],
  ['501', '5.5.4'],
  ['502', '5.5.1'],
  ['503', '5.5.1'],
  ['504', '5.5.4'],
  ['521', '5.3.2'],
  ['523', '5.3.4'],
  ['530', '5.7.0'],
  ['535', '5.7.8'],
  ['550 rcpt', '5.1.1'],
  ['550', '5.7.1'],
  ['551', '5.1.6'],
  ['552', '5.3.4'],
  ['553 mail', '5.1.7'],
  ['553', '5.1.3'],
  ['554', '5.0.0'],
  ['555', '5.5.4'],
  // RFC 7504 §3: the domain does not accept mail.
  ['556', '5.1.10'],
]);

/**
 * @param host the next hop's name, for notices
 * @param relayed what the next hop does about notices; undefined where it is the mailbox (LMTP)
 */
export function outcomeOfReply(
  reply: Reply,
  during: During,
  host: string,
  relayed?: Delivered['relayed'],
): Outcome {
  const text = wordsOfReply(reply);
  if (reply.code < 300) {
    if (relayed === 'with-dsn') return { kind: 'delivered', text, relayed };
    return Outcome.delivered(text, { remote: { host, reply: text }, ...(relayed && { relayed }) });
  }
  const key = `${reply.code} ${during}`;
  const words = during === 'local' ? reply.lines.join(' ') : `${host} said: ${text}`;
  const remote = during === 'local' ? undefined : { host, reply: text };
  // An unexpected 3yz never gets here; a 552 to RCPT that says of itself what it means is no old server's.
  const transient = TRANSIENT.get(key) ?? TRANSIENT.get(String(reply.code));
  if (
    reply.code < 500 ||
    (transient !== undefined && (reply.status === undefined || reply.status === '5.5.3'))
  ) {
    const status =
      reply.status !== undefined && isTransientStatus(reply.status) ? reply.status : (transient ?? '4.0.0');
    return Outcome.deferred(status, words, remote && { remote });
  }
  const permanent = PERMANENT.get(key) ?? PERMANENT.get(String(reply.code)) ?? '5.0.0';
  const status = reply.status !== undefined && isPermanentStatus(reply.status) ? reply.status : permanent;
  return Outcome.failed(status, words, remote);
}

/** A refusal of the whole connection: another try may find the server in a better mood, whatever the code says. */
export function deferralOfRefusal(reply: Reply, host: string): Outcome {
  const text = wordsOfReply(reply);
  const status = reply.status !== undefined && isTransientStatus(reply.status) ? reply.status : '4.3.2';
  return Outcome.deferred(status, `${host} said: ${text}`, {
    remote: { host, reply: text },
    scope: 'destination',
  });
}

/** A reply on one line, bounded. Untrusted. */
export function wordsOfReply({ code, status, lines }: Reply): string {
  const text = `${code} ${status === undefined ? '' : `${status} `}${lines.join(' ')}`.trimEnd();
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
