// What a notice gives back of the original message, octet for octet: all of it or its header section, as RET asks
// (RFC 3461 §4.3), within bounds.

import type { MessageRecord } from '../contract/index.ts';
import { type LineEndFindings, LineEndScanner } from '../smtp/index.ts';
import type { Action } from './news.ts';
import type { QueuedMessage } from './stored-message.ts';

/** Octets of the original's header section that a notice returns at most. */
const RETURNED_HEADER = 65_536;
/** The largest message that RET=FULL brings back whole. */
const RETURNED_MESSAGE = 131_072;

export interface ReturnedOriginal {
  /** `message`: all of it. `headers`: the header section, or as much of it as fits. */
  readonly kind: 'message' | 'headers';
  readonly octets: Uint8Array;
  /** Why that is not all that was asked for, in words for a header field. */
  readonly reason?: string;
}

/** RFC 2045 §2.8: a NUL, or a CR or LF that is not part of a CRLF, goes neither by DATA nor in a part of a message. */
const UNSENDABLE = 'Header only: the message has octets that mail cannot carry';

/** Of an original that cannot be read any more, what the record has. */
export async function returnedOriginal(
  record: MessageRecord,
  message: QueuedMessage,
  action: Action,
): Promise<ReturnedOriginal> {
  const whole = isWhole(record, action);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of message.open()) {
      chunks.push(chunk);
      length += chunk.length;
      if (!whole && length > RETURNED_HEADER) break;
    }
  } catch {
    return { kind: 'headers', octets: Buffer.from(record.head, 'utf8') };
  }
  const octets = Buffer.concat(chunks);
  if (!whole) return { kind: 'headers', octets: headerOf(octets) };
  if (isSendable(octets)) return { kind: 'message', octets };
  return { kind: 'headers', octets: headerOf(octets), reason: UNSENDABLE };
}

/** Its lines may stand in a part of a message: no NUL, and no CR or LF but in CRLF. */
export function isSendable(octets: Uint8Array): boolean {
  const { nul, bareCr, bareLf } = findingsOf(octets);
  return !nul && !bareCr && !bareLf;
}

/** RFC 5321 §4.5.3.1.6: beyond 1000 octets a server need not take a line. */
export function hasLongLine(octets: Uint8Array): boolean {
  return findingsOf(octets).longestLine > 1000;
}

function findingsOf(octets: Uint8Array): LineEndFindings {
  const scanner = new LineEndScanner();
  scanner.receive(octets);
  scanner.finish();
  return scanner.found;
}

function isWhole({ parameters, size }: MessageRecord, action: Action): boolean {
  // RFC 3461 §4.3: RET is about failures; in other notices the sender is not sent what it has.
  if (action !== 'failed' || parameters.ret !== 'FULL' || size > RETURNED_MESSAGE) return false;
  // RFC 8689 §5: what had to be protected is not sent back. RFC 3030 §3: what is binary cannot be quoted in lines.
  return parameters.requiretls !== true && parameters.body !== 'BINARYMIME';
}

/** The header section with the end of its last line, cut at the end of a line where it is too long. */
function headerOf(octets: Buffer): Uint8Array {
  if (octets[0] === 13 && octets[1] === 10) return octets.subarray(0, 0);
  const end = octets.indexOf('\r\n\r\n', 0, 'latin1');
  if (end !== -1 && end + 2 <= RETURNED_HEADER) return octets.subarray(0, end + 2);
  if (octets.length <= RETURNED_HEADER && end === -1) return octets;
  const cut = octets.lastIndexOf('\r\n', RETURNED_HEADER - 2, 'latin1');
  return octets.subarray(0, cut === -1 ? 0 : cut + 2);
}
