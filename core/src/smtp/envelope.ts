// The client's commands of one transaction: an envelope, written in the words that the next hop offers,
// or the reason why it cannot be given to that hop at all.

import type { Mailbox, ReversePath } from './address.ts';
import type { Offer } from './offer.ts';
import type { MailParameters, RcptParameters } from './parameters.ts';
import { type Reply, reply } from './reply.ts';
import { formatUnicodeXtext, formatXtext } from './xtext.ts';

export interface Envelope {
  readonly sender: ReversePath;
  readonly parameters: MailParameters;
  /** At least one. */
  readonly recipients: readonly EnvelopeRecipient[];
  /** Octets, dot-stuffing not counted (RFC 1870 §5). */
  readonly size: number;
  /**
   * Octets of the message as one chunk (RFC 3030), for a text that goes by BDAT where CHUNKING is offered. Default: a text
   * goes by DATA, and what is binary as one chunk of `size`.
   */
  readonly chunk?: number | undefined;
  /** The message has octets beyond ASCII. */
  readonly eightBit: boolean;
  /** Its header section has: with the SMTPUTF8 parameter of its sender, only SMTPUTF8 may carry it (RFC 6531 §3.6). */
  readonly eightBitHeader: boolean;
  /** The message may go also where REQUIRETLS, which it asks for, is not offered. Default: it may not. */
  readonly withoutRequireTls?: boolean;
}

export interface EnvelopeRecipient {
  readonly address: Mailbox;
  readonly parameters: RcptParameters;
}

export interface EnvelopeCommands {
  /** CRLF-terminated, as all commands here. */
  readonly mail: string;
  readonly rcpts: readonly string[];
  /** Before the octets of a message that goes as one chunk; undefined: it goes by DATA. */
  readonly bdat: string | undefined;
}

/** The commands, or our own reply for all recipients where the next hop cannot do what the message needs. */
export function commandsFor(
  envelope: Envelope,
  offer: Offer,
): EnvelopeCommands | { readonly refusal: Reply } {
  const utf8 = needsSmtpUtf8(envelope);
  const refusal = refusalFor(envelope, offer, utf8);
  if (refusal !== undefined) return { refusal };
  return {
    mail: mailCommand(envelope, offer, utf8),
    rcpts: envelope.recipients.map((recipient) => rcptCommand(recipient, offer, utf8)),
    bdat: bdatCommand(envelope, offer),
  };
}

function bdatCommand(envelope: Envelope, { chunking }: Offer): string | undefined {
  const octets = isBinary(envelope) ? envelope.size : chunking ? envelope.chunk : undefined;
  return octets === undefined ? undefined : `BDAT ${octets} LAST\r\n`;
}

function isBinary({ parameters }: Envelope): boolean {
  return parameters.body === 'BINARYMIME';
}

function needsSmtpUtf8({ sender, parameters, recipients, eightBitHeader }: Envelope): boolean {
  if (parameters.smtputf8 === true && eightBitHeader) return true;
  return (sender !== null && !sender.isAscii) || recipients.some(({ address }) => !address.isAscii);
}

function refusalFor(envelope: Envelope, offer: Offer, utf8: boolean): Reply | undefined {
  // RFC 8689 §4.2.1
  if (envelope.parameters.requiretls && !offer.requireTls && !envelope.withoutRequireTls) return REQUIRETLS;
  // RFC 1870 §6.1
  if (offer.maxSize !== undefined && envelope.size > offer.maxSize) return TOO_BIG;
  // RFC 6531 §3.5, §3.6: no downgrade.
  if (utf8 && !offer.smtputf8) return NO_SMTPUTF8;
  // RFC 3030 §3: likewise, and DATA could not carry it.
  if (isBinary(envelope)) return offer.chunking && offer.binaryMime ? undefined : NO_BINARYMIME;
  // RFC 6152 §3: without conversion, which would change the message, nothing is left but to return it.
  if (envelope.eightBit && !offer.eightBitMime) return NO_8BITMIME;
  return undefined;
}

const REQUIRETLS = reply(550, '5.7.30', 'The message needs REQUIRETLS, which the next hop does not offer');
const TOO_BIG = reply(552, '5.3.4', 'The message is bigger than the next hop takes');
const NO_SMTPUTF8 = reply(553, '5.6.7', 'The message needs SMTPUTF8, which the next hop does not offer');
const NO_8BITMIME = reply(554, '5.6.3', 'The message needs 8BITMIME, which the next hop does not offer');
const NO_BINARYMIME = reply(554, '5.6.3', 'The message needs BINARYMIME, which the next hop does not offer');

function mailCommand({ sender, parameters, size, eightBit }: Envelope, offer: Offer, utf8: boolean): string {
  let command = `MAIL FROM:<${sender === null ? '' : sender}>`;
  if (offer.size) command += ` SIZE=${size}`;
  if (parameters.body === 'BINARYMIME') command += ' BODY=BINARYMIME';
  else if (offer.eightBitMime && (eightBit || parameters.body === '8BITMIME')) command += ' BODY=8BITMIME';
  if (utf8) command += ' SMTPUTF8';
  if (parameters.requiretls && offer.requireTls) command += ' REQUIRETLS';
  if (offer.dsn) {
    // RFC 3461 §5.2.1: relayed as they came.
    if (parameters.ret !== undefined) command += ` RET=${parameters.ret}`;
    if (parameters.envid !== undefined) command += ` ENVID=${formatXtext(parameters.envid)}`;
  }
  return `${command}\r\n`;
}

function rcptCommand({ address, parameters }: EnvelopeRecipient, offer: Offer, utf8: boolean): string {
  let command = `RCPT TO:<${address}>`;
  if (offer.dsn) {
    const { notify, orcpt } = parameters;
    if (notify !== undefined && notify.length > 0) command += ` NOTIFY=${notify.join(',')}`;
    if (orcpt !== undefined) command += ` ORCPT=${orcpt.type};${formatOrcpt(orcpt, utf8)}`;
  }
  return `${command}\r\n`;
}

function formatOrcpt(
  { type, address }: { readonly type: string; readonly address: string },
  utf8: boolean,
): string {
  if (type !== 'utf-8') return formatXtext(address);
  // RFC 6533 §3: in a transaction with SMTPUTF8 the characters stand as they are, but for those of the syntax.
  return utf8
    ? address.replace(/[^!-*,-<>-[\]-~\u{a0}-\u{10ffff}]/gu, formatUnicodeXtext)
    : formatUnicodeXtext(address);
}
