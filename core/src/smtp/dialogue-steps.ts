// What comes out of a dialogue: replies that are due, and steps for the transport. Plain data, made by dialogue.ts.

import type { Offer } from './offer.ts';
import type { Reply } from './reply.ts';
import type { RecipientResult } from './transaction-outcome.ts';

/** A command whose reply is due. `greeting` is due without one; `message` is the end of data. */
export type Awaited =
  | 'greeting'
  | 'ehlo'
  | 'helo'
  | 'lhlo'
  | 'starttls'
  | 'auth'
  | 'rset'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'message'
  | 'quit';

export type DialogueStep =
  | { readonly do: 'send'; readonly text: string }
  /** Some recipients are accepted: send the dot-stuffed message with its end of data, then call `bodySent`. */
  | { readonly do: 'send-body' }
  /**
   * The same for a message that goes as a chunk (RFC 3030): send the command, and right behind it the octets of the message
   * as they are, as many as the command says.
   */
  | { readonly do: 'send-octets'; readonly command: string }
  /** Begin the handshake, then call `secured`. Take it up only when no `fault` follows in the same list. */
  | { readonly do: 'start-tls' }
  /** STARTTLS was refused; the dialogue is ready as it was before. */
  | { readonly do: 'tls-refused'; readonly reply: Reply }
  /** We are known to the next hop; the dialogue is ready. */
  | { readonly do: 'authenticated' }
  /** AUTH was refused; the dialogue is ready as it was before. */
  | { readonly do: 'auth-refused'; readonly reply: Reply }
  /** `send`, `startTls`, `authenticate` and `quit` may be called. */
  | { readonly do: 'ready'; readonly offer: Offer }
  /** The transaction is over; one result for each recipient, in the order of the envelope. */
  | { readonly do: 'result'; readonly recipients: readonly RecipientResult[] }
  /** The next hop gives no service: a bad greeting or hello, or 421 at any time. Close the connection. */
  | { readonly do: 'refused'; readonly during: Awaited | 'idle'; readonly reply: Reply }
  /** The dialogue is out of step or the connection is lost: nothing more may be sent on it. */
  | { readonly do: 'fault'; readonly during: Awaited | 'idle'; readonly text: string }
  /** QUIT has been answered. */
  | { readonly do: 'closed' };
