// What a session says of itself, reply by reply, each with its status; and the reply that an answer earns.

import type { Command } from './command.ts';
import { type Fault, faultReply, type Reply, reply } from './reply.ts';
import type { Answer, ReplyStep } from './session-steps.ts';
import type { PermanentStatus, TransientStatus } from './status.ts';

export const SENDER_OK = plain(reply(250, '2.1.0', 'Sender ok'));
export const RECIPIENT_OK = plain(reply(250, '2.1.5', 'Recipient ok'));
export const START_MAIL_INPUT = plain(reply(354, undefined, 'Start mail input; end with <CRLF>.<CRLF>'));
export const OK = plain(reply(250, '2.0.0', 'Ok'));
export const READY_FOR_TLS = plain(reply(220, '2.0.0', 'Ready to start TLS'));
// RFC 5321 §7.3: a server need not tell who exists, and says so with 252.
export const CANNOT_VRFY = plain(reply(252, '2.5.0', 'Cannot verify; send the message and see'));

export const SAY_HELLO_FIRST = refusal(503, '5.5.1', 'Say EHLO first');
export const SAY_LHLO_FIRST = refusal(503, '5.5.1', 'Say LHLO first'); // RFC 2033 §4.1
export const MAIL_FIRST = refusal(503, '5.5.1', 'MAIL comes first');
export const NESTED_MAIL = refusal(503, '5.5.1', 'A transaction is already open');
export const IN_TRANSACTION = refusal(503, '5.5.1', 'Not in the middle of a transaction');
export const NOT_TRUSTED = refusal(550, '5.7.0', 'You may not speak for other clients');
export const NO_VALID_RECIPIENTS = refusal(554, '5.5.1', 'No valid recipients'); // RFC 5321 §3.3
export const TOO_MANY_RECIPIENTS = refusal(452, '4.5.3', 'Too many recipients'); // RFC 5321 §4.5.3.1.10
export const NON_ASCII_PARAMETER = refusal(501, '5.5.4', 'Non-ASCII parameter needs SMTPUTF8'); // RFC 6531 §3.3
export const RCPT_FIRST = refusal(503, '5.5.1', 'No valid recipients');
export const EHLO_FOR_BDAT = refusal(503, '5.5.1', 'BDAT needs EHLO'); // RFC 5321 §4.1.1.1
export const AFTER_CHUNKS = refusal(503, '5.5.1', 'Only BDAT or RSET may follow BDAT'); // RFC 3030 §2
export const CHUNK_REFUSED = refusal(503, '5.5.1', 'A chunk was refused; send RSET'); // RFC 3030 §2
export const BINARY_BY_BDAT = refusal(503, '5.5.1', 'BINARYMIME needs BDAT'); // RFC 3030 §3
export const TOO_MANY_CHUNKS = refusal(552, '5.3.4', 'Too many chunks');
export const TOO_LARGE = refusal(552, '5.3.4', 'Message exceeds the size limit'); // RFC 1870 §6
export const UNKNOWN_COMMAND = refusal(500, '5.5.1', 'Command not recognised');
export const NOT_IMPLEMENTED = refusal(502, '5.5.1', 'Command not implemented');
export const VRFY_WHOM = refusal(501, '5.5.4', 'VRFY needs an argument');
export const TLS_ACTIVE = refusal(503, '5.5.1', 'TLS is already active');
export const STARTTLS_FIRST = refusal(530, '5.7.0', 'Must issue a STARTTLS command first'); // RFC 3207 §4
export const LACK_OF_SECURITY = refusal(554, '5.7.0', 'Command refused due to lack of security'); // RFC 3207 §4.1
export const AFTER_STARTTLS = refusal(501, '5.5.4', 'Nothing may follow STARTTLS before the handshake'); // RFC 3207 §4
export const LINE_TOO_LONG = refusal(554, '5.6.0', 'Message has a line beyond the length limit'); // RFC 5321 §4.5.3.1.6
export const ONLY_QUIT = refusal(503, '5.5.1', 'No service here; send QUIT'); // RFC 5321 §3.1

export const AUTHENTICATED = plain(reply(235, '2.7.0', 'Authentication succeeded')); // RFC 4954 §6, as all of these
export const AUTH_REQUIRED = refusal(530, '5.7.0', 'Authentication required');
export const AUTH_NEEDS_TLS = refusal(538, '5.7.11', 'Encryption required; send STARTTLS first');
export const AUTH_AFTER_EHLO = refusal(503, '5.5.1', 'Say EHLO first');
export const ALREADY_AUTHENTICATED = refusal(503, '5.5.1', 'Already authenticated');
export const AUTH_IN_TRANSACTION = refusal(503, '5.5.1', 'AUTH is not permitted in a transaction');
export const AUTH_CANCELLED = refusal(501, '5.7.0', 'Authentication cancelled');
export const AUTH_LINE_TOO_LONG = refusal(500, '5.5.6', 'Authentication exchange line is too long');
export const BAD_BASE64 = refusal(501, '5.5.2', 'Not BASE64');
export const UNKNOWN_MECHANISM = refusal(504, '5.5.4', 'Mechanism not offered');

/** RFC 3030 §2: each chunk but the last has its own reply. */
export function chunkOk(size: number): ReplyStep {
  return plain(reply(250, '2.0.0', `${size} octets received`));
}

export function plain(of: Reply): ReplyStep {
  return { do: 'reply', reply: of, refused: false };
}

function refusal(code: number, status: PermanentStatus | TransientStatus, text: string): ReplyStep {
  return { do: 'reply', reply: reply(code, status, text), refused: true };
}

/** What is wrong with something a client sent, as the reply that says so. */
export function refusalOf(fault: Fault): ReplyStep {
  return { do: 'reply', reply: faultReply(fault), refused: true };
}

/** What a command hears that is not done here. */
export function refusalOfCommand(command: Command): ReplyStep {
  if (command.verb === 'fault') return refusalOf(command.fault);
  return command.verb === 'EXPN' ? NOT_IMPLEMENTED : UNKNOWN_COMMAND;
}

export function closingReply(hostname: string): ReplyStep {
  return plain(reply(221, '2.0.0', `${hostname} closing the connection`));
}

export function vetoReply(answer: Extract<Answer, { kind: 'reject' | 'defer' }>): ReplyStep {
  return plain(reply(answer.code ?? defaultCode(answer.status), answer.status, answer.text));
}

/** The reply code that RFC 5321 §4.2.3 pairs with a status where the plugin names none. */
function defaultCode(status: PermanentStatus | TransientStatus): number {
  if (status.startsWith('5.')) {
    if (status === '5.3.4' || status === '5.2.3') return 552;
    if (status.startsWith('5.6.')) return 554;
    return 550;
  }
  if (status === '4.3.1' || status === '4.5.3' || status === '4.2.2') return 452;
  return status.startsWith('4.2.') ? 450 : 451;
}

/** RFC 4954 §6: what a client hears whose credentials are no good, whichever part of them it is. */
export function credentialsRefused(answer?: Extract<Answer, { kind: 'reject' }>): Reply {
  return reply(
    answer?.code ?? 535,
    answer?.status ?? '5.7.8',
    answer?.text ?? 'Authentication credentials invalid',
  );
}
