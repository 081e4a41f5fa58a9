// Mail that plugins write: reports and replies. The core takes it in as it takes in mail of clients, and signs it.

import type { MessageSigner } from './asked.ts';
import { type Token, token } from './token.ts';

/** One message of a plugin's own. */
export interface OwnMail {
  /** The reverse-path; '' is the null reverse-path: then nobody is told when the message cannot be delivered. */
  readonly sender: string;
  /** At least one, `limits.recipients` at most. */
  readonly recipients: readonly string[];
  /**
   * Parts, or the whole message: lines of at most 998 octets that end in CRLF, no NUL, a header section and an empty line.
   * Date, Message-ID and `Auto-Submitted: auto-generated` (RFC 3834 §5) are put on top where they are missing.
   */
  readonly content: MailContent | Uint8Array;
  /** Milliseconds after which it is given up. Default: `delivery.expireAfter`. */
  readonly expireAfter?: number;
}

/** A multipart message (RFC 2046 §5.1). */
export interface MailContent {
  /** From, To and Subject at least; folded by the core. A value beyond ASCII makes the message one of SMTPUTF8. */
  readonly fields: readonly MailField[];
  /** What stands behind `multipart/`: `mixed`, `report; report-type=tlsrpt`. */
  readonly multipart: string;
  readonly parts: readonly MailPart[];
}

export type MailField = readonly [name: string, value: string];

export interface MailPart {
  /** The value of Content-Type; of text without its charset. */
  readonly type: string;
  /** Further fields: Content-Disposition. */
  readonly fields?: readonly MailField[];
  /** Text goes as it is where it is ASCII, else as UTF-8 in quoted-printable; octets go in BASE64. */
  readonly content: string | Uint8Array;
}

/**
 * Sends mail that the plugin has written. No plugin of the dialogue sees it; those that have `ownMailSigner` sign it.
 * It never answers mail by itself, and a plugin may send `limits.ownMessagesPerHour`: one that answers its own mail is
 * stopped there.
 */
export interface Mailer {
  /**
   * Durable in the queue when it resolves. Rejects with `mail-refused` when the message cannot be taken as it is or there
   * are too many, with `store-failed` when it could not be kept: that may be tried again.
   */
  send(mail: OwnMail): Promise<void>;
}
export const Mailer: Token<Mailer> = token<Mailer>('Mailer');

/** What a plugin that signs says of a message which another plugin has written: its signer, or undefined. */
export type OwnMailSigner = (mail: Pick<OwnMail, 'sender'>) => MessageSigner | undefined;
