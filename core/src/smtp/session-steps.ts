// What goes into a session and what comes out of it: questions, answers, steps. Plain data, made by session.ts,
// carried out by whoever drives it.

import type { Mailbox, ReversePath } from './address.ts';
import type { ClientAttributes, ForwardedAttributes } from './client-attributes.ts';
import type { FutureReleaseOffer } from './future-release.ts';
import type { BodyPolicy } from './line-ends.ts';
import type { MailParameters, RcptParameters } from './parameters.ts';
import type { Reply } from './reply.ts';
import type { Login } from './sasl.ts';
import type { AuthOptions } from './session-auth.ts';
import type { PermanentStatus, TransientStatus } from './status.ts';

export interface SessionOptions {
  /** Our name, in the banner and in the EHLO reply. */
  readonly hostname: string;
  readonly messageSize: number;
  readonly recipients: number;
  readonly commandLine: number;
  /** Octets of the longest line of a message, CRLF included. */
  readonly textLine: number;
  readonly badCommands: number;
  /** Commands since the last accepted message that brought no mail. */
  readonly commandsWithoutMail: number;
  readonly messagesPerSession: number;
  /** Octets in all, messages included, without AUTH. */
  readonly unauthenticatedBytes: number;
  /** Chunks of one message (BDAT). */
  readonly chunks: number;
  /** `lmtp`: LHLO greets, and the end of a message is answered for each recipient (RFC 2033). */
  readonly protocol: 'smtp' | 'lmtp';
  /** `cannot-verify` answers 252, `off` 502 (RFC 5321 §3.5.3 and §7.3). */
  readonly vrfy: 'cannot-verify' | 'off';
  /** Who is offered DSN (RFC 3461): anybody, authenticated clients, nobody. */
  readonly dsn: 'on' | 'authenticated' | 'off';
  /** Offers BINARYMIME (RFC 3030 §3). */
  readonly binaryMime: boolean;
  /** How long authenticated clients may have a message held (RFC 4865); undefined: not at all. */
  readonly futureRelease: FutureReleaseOffer | undefined;
  /** What happens to a message whose lines do not all end in CRLF. */
  readonly body: BodyPolicy;
  /** `offered`: STARTTLS may be used. `active`: TLS was up before the first byte (RFC 8314). */
  readonly tls: 'none' | 'offered' | 'active';
  /** XCLIENT and XFORWARD: not known here, not for this client, or offered to it. */
  readonly xclient: 'none' | 'refused' | 'offered';
  /** Until TLS is up nothing but the way to it is served (RFC 3207 §4). */
  readonly tlsRequired: boolean;
  /** How clients may authenticate; undefined where they cannot. */
  readonly auth: AuthOptions | undefined;
}

/**
 * What only plugins can decide: the handlers of a hook or, with the hook null, the Authenticator, whose answer is a
 * LoginAnswer. Exactly one question is open at a time; `answer` closes it.
 */
export type Question =
  | { readonly hook: 'on-connect' }
  | { readonly hook: 'on-mail-from'; readonly sender: ReversePath; readonly parameters: MailParameters }
  | { readonly hook: 'on-rcpt'; readonly recipient: Mailbox; readonly parameters: RcptParameters }
  /** The message is complete: everything of it was in `body` steps. An accept promises that it is durable. */
  | { readonly hook: 'on-data'; readonly size: number }
  | { readonly hook: null; readonly login: Login };

export type Answer =
  | { readonly kind: 'accept'; readonly text?: string }
  | {
      readonly kind: 'reject';
      readonly status: PermanentStatus;
      readonly text: string;
      readonly code?: number;
    }
  | {
      readonly kind: 'defer';
      readonly status: TransientStatus;
      readonly text: string;
      readonly code?: number;
    }
  | { readonly kind: 'disconnect'; readonly text: string };

export type MessageAnswer = Exclude<Answer, { kind: 'disconnect' }>;

/** To on-data, on LMTP alone: an answer for each accepted recipient, in the order of RCPT (RFC 2033 §4.2). */
export interface EachAnswer {
  readonly kind: 'each';
  readonly answers: readonly MessageAnswer[];
}

export interface ReplyStep {
  readonly do: 'reply';
  readonly reply: Reply;
  /** The protocol or a limit refused, not an answer. */
  readonly refused: boolean;
}

export type Step =
  | ReplyStep
  | { readonly do: 'ask'; readonly question: Question }
  /** Octets of the message, dot-stuffing removed. */
  | { readonly do: 'body'; readonly bytes: Uint8Array }
  /** The message will be refused whatever still comes: what was kept of it can go. */
  | { readonly do: 'drop-body' }
  /** The transaction is over without a message: RSET, EHLO, a refused message, or after `on-data` was answered. */
  | { readonly do: 'reset' }
  /** XCLIENT: who the client is from now on. The question on-connect comes next, about that one. */
  | { readonly do: 'client-is'; readonly client: ClientAttributes }
  /** XFORWARD: where the next message comes from, for logs. */
  | { readonly do: 'forwarded'; readonly forwarded: ForwardedAttributes }
  /** The reply is out; the handshake comes next, then `secured`. No byte heard before it counts. */
  | { readonly do: 'start-tls' }
  | { readonly do: 'close'; readonly why: string };
