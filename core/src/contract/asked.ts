// What a handler of the dialogue is given: read-only views that nest as the dialogue does,
// ConnectAsked ⊂ MailFromAsked ⊂ RcptAsked, and DataAsked on top of MailFromAsked.

import type {
  ForwardedAttributes,
  Mailbox,
  MailParameters,
  RcptParameters,
  ReversePath,
} from '../smtp/index.ts';
import type { AuthenticationResult } from './authentication-results.ts';
import type { Awaitable } from './delivery.ts';
import type { HeaderField, ReceivedMessage } from './message.ts';
import type { WritableNotes } from './notes.ts';
import type { Logger } from './services.ts';
import type { Priority } from './stores.ts';

/** The TLS layer, once it is up. */
export interface TlsFacts {
  /** `TLSv1.2`, `TLSv1.3`. */
  readonly version: string;
  /** The name of the cipher suite. */
  readonly cipher: string;
  /** The name that the client asked for (SNI). */
  readonly serverName?: string;
  /** The client's certificate, where the listener asks for one and the client has one. */
  readonly client?: ClientCertificateFacts;
}

/** Who the client says it is, and whether an authority of the listener's `clientCa` vouches for it. */
export interface ClientCertificateFacts {
  /** Distinguished name, as `CN=client.example, O=Example`. Untrusted unless verified. */
  readonly subject: string;
  readonly issuer: string;
  /** SHA-256 of its DER, as `openssl x509 -fingerprint -sha256` writes it. */
  readonly fingerprint: string;
  readonly verified: boolean;
  /** Why it could not be verified. */
  readonly problem?: string;
}

/** Who says for the client who it is: a proxy in front of the server with a PROXY header, or a client with XCLIENT. */
export interface ProxyFacts {
  readonly by: 'PROXY' | 'XCLIENT';
  /** The proxy's own address and port. */
  readonly address: string;
  readonly port: number;
  /** The client's host name, as XCLIENT has it. */
  readonly name?: string;
  /** The name that the client asked the proxy for (SNI). Untrusted. */
  readonly serverName?: string;
  /** What the proxy calls the connection, hexadecimal. */
  readonly uniqueId?: string;
  /** The client spoke TLS with the proxy, which ended it there: `session.tls` is about the way from the proxy to here. */
  readonly tls?: ProxiedTls;
}

export interface ProxiedTls {
  readonly version?: string;
  readonly cipher?: string;
  /** The common name of the client's certificate. */
  readonly clientName?: string;
  /** The client showed a certificate, and the proxy found it good. */
  readonly verified: boolean;
}

/** The facts of one connection. The object lives as long as the connection: a WeakMap key for private state. */
export interface SessionView {
  /** Appears in every log line and event of this connection. */
  readonly id: string;
  /** The listener's name in the configuration. */
  readonly listener: string;
  readonly openedAt: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** What the client called itself, undefined before EHLO, HELO or LHLO. Untrusted. */
  readonly helo: string | undefined;
  /** The keyword of RFC 3848 for the Received header. */
  readonly protocol:
    | 'SMTP'
    | 'ESMTP'
    | 'ESMTPS'
    | 'ESMTPA'
    | 'ESMTPSA'
    | 'LMTP'
    | 'LMTPS'
    | 'LMTPA'
    | 'LMTPSA';
  readonly tls: TlsFacts | undefined;
  /** The client came through a proxy: the addresses above are what the proxy says of it. */
  readonly proxy: ProxyFacts | undefined;
  /** Where the client says that the next message comes from (XFORWARD): for logs, not for decisions. */
  readonly forwarded: ForwardedAttributes | undefined;
  /** The client sent something before the banner (RFC 5321 §3.1). A `bannerDelay` gives it time to. */
  readonly earlyTalker: boolean;
  /** The authenticated user. */
  readonly user: string | undefined;
}

/** on-connect: the TCP connection is up, nothing has been said. */
export interface ConnectAsked {
  readonly session: SessionView;
  readonly notes: WritableNotes;
  /** A logger that already names the plugin and the session. */
  readonly log: Logger;
  /** Aborted when the time for this call is up or the connection is gone. */
  readonly signal: AbortSignal;
}

/** on-mail-from: HELO, TLS and AUTH facts are in the session by now. */
export interface MailFromAsked extends ConnectAsked {
  /** null is the null reverse-path `<>` of bounces. */
  readonly sender: ReversePath;
  readonly parameters: MailParameters;
}

/** on-rcpt: once for each RCPT command. */
export interface RcptAsked extends MailFromAsked {
  readonly recipient: Mailbox;
  readonly rcptParameters: RcptParameters;
  /** The recipients of this message that were accepted before. */
  readonly accepted: readonly Mailbox[];
  /** An earlier handler has already claimed this recipient with an accept. */
  readonly claimed: boolean;
}

/** on-data: the whole message is in and may be read as often as wanted; nothing is committed yet. */
export interface DataAsked extends MailFromAsked {
  readonly recipients: readonly Mailbox[];
  readonly message: ReceivedMessage;
  /**
   * Edits are data: the core collects those of all plugins and applies them once, at the commit.
   * They never change what other handlers read. In mode `observe` they are recorded and not applied.
   */
  readonly edits: MessageEdits;
}

export interface MessageEdits {
  /**
   * Puts a field on top of the message. The core folds it, unless it is folded already (CRLF and white space): then it
   * stays as it is. Any other CR or LF in `value` is refused with a throw.
   */
  prependHeader(name: string, value: string): void;
  /** Replaces every field of that name by one with this value, at the place of the first; adds it if there is none. */
  replaceHeader(name: string, value: string): void;
  /** Removes the fields of that name, or those of them that `which` chooses. */
  removeHeader(name: string, which?: (field: HeaderField) => boolean): void;
  /**
   * Replaces the body (what follows the empty line). Several transforms run in plugin order. Lines end in CRLF: a bare
   * CR or LF in what one hands out is `451 4.3.0`, and nothing is kept, but for a message with BODY=BINARYMIME.
   */
  rewriteBody(transform: (body: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>): void;
  /**
   * The message goes to this recipient too, whom no on-rcpt handler has been asked about; without parameters of DSN. It
   * shares the fate of the whole message (a discard, a quarantine). To take a recipient off, discard the message for it.
   */
  addRecipient(recipient: Mailbox): void;
  /** The message goes on with this reverse-path instead of that of MAIL; the last plugin to say so has its way. */
  changeSender(sender: ReversePath): void;
  /**
   * Whose turn the message is at its destinations, instead of the listener's `priority`; the last plugin to say so has its
   * way.
   */
  setPriority(priority: Priority): void;
  /**
   * Signs the message as it goes out. The signer is called once, at the commit, when every edit of every plugin is
   * applied; what it returns is put on top. Several signers run in plugin order, each over the fields of those before.
   * A throw, a time-out or fields that are none is `451 4.3.0`, and nothing is kept.
   */
  sign(signer: MessageSigner): void;
  /**
   * Adds a check to the message's Authentication-Results field (RFC 8601), which the core writes at the commit, one for
   * all plugins, in the order of these calls. Method, result and properties must be keywords, else it throws.
   */
  authenticationResult(result: AuthenticationResult): void;
}

/** @returns complete fields, folded and CRLF-terminated, octet for octet what was signed; '' for none */
export type MessageSigner = (message: FinalMessage) => Awaitable<string>;

/** The message octet for octet as it goes out, but for what this and later signers put on top. */
export interface FinalMessage {
  /** The header section, trace fields included, without the empty line that ends it. */
  readonly header: Uint8Array;
  /** The body where it is in memory anyway; otherwise undefined: `open` it. */
  readonly inMemory: readonly Uint8Array[] | undefined;
  /** The octets of the body, what follows the empty line, as often as wanted until the signer has answered. */
  open(): AsyncIterable<Uint8Array>;
}
