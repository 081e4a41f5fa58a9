// A message, before the commit (ReceivedMessage) and after it (StoredMessage).

import type { Mailbox, MailParameters, RcptParameters, ReversePath } from '../smtp/index.ts';
import type { Json, Notes } from './notes.ts';

/** One field of the header section (RFC 5322 §2.2). */
export interface HeaderField {
  /** As written. Compare without regard to case. */
  readonly name: string;
  /** Unfolded, without surrounding white space. Untrusted. Bytes beyond ASCII are decoded as UTF-8. */
  readonly value: string;
}

/** The header section, parsed once when first asked for. */
export interface HeaderSection extends Iterable<HeaderField> {
  /** The value of the first field of that name. */
  first(name: string): string | undefined;
  /** The values of all fields of that name, from the top. */
  all(name: string): readonly string[];
}

/** The message as it came from the client: without the trace fields and edits that the commit adds. */
export interface ReceivedMessage {
  /** Octets. */
  readonly size: number;
  readonly headers: HeaderSection;
  /** The octets of the header section, without the empty line that ends it. Not to be changed. */
  readonly header: Uint8Array;
  /** How many parts it has, those inside parts included (0: it is no multipart), and how deep they lie (RFC 2046 §5). */
  readonly mime: { readonly parts: number; readonly depth: number };
  /** The octets from the first one, as often as wanted, until the hook is answered. */
  open(): AsyncIterable<Uint8Array>;
}

/** The message as it is queued: what `open` gives is what goes out, octet for octet. */
export interface StoredMessage {
  readonly id: string;
  /** Octets, trace fields included. */
  readonly size: number;
  readonly arrivedAt: number;
  readonly sender: ReversePath;
  readonly parameters: MailParameters;
  readonly origin: MessageOrigin;
  readonly notes: Notes;
  /** The whole message where it is in memory anyway: the quick way for a transport. Otherwise undefined: `open` it. */
  readonly inMemory: readonly Uint8Array[] | undefined;
  /** The octets from the first one, as often as wanted, while the delivery lasts. */
  open(): AsyncIterable<Uint8Array>;
}

/** A recipient with what RFC 3461 asked for it. */
export interface Recipient {
  readonly address: Mailbox;
  readonly parameters: RcptParameters;
}

/** Where a message came from. JSON. */
export interface MessageOrigin {
  /** The session's id, `bounce` for notices, and a name like a session's for what a plugin wrote. */
  readonly session: string;
  /** Which plugin wrote it. */
  readonly plugin?: string;
  readonly listener?: string;
  readonly remoteAddress?: string;
  readonly helo?: string;
  readonly protocol?: string;
  readonly user?: string;
}

/** What the queue remembers of a message besides its octets. JSON only. */
export interface MessageRecord {
  /** Unique, and later messages sort behind earlier ones. */
  readonly id: string;
  /** The reverse-path, '' for the null path. */
  readonly sender: string;
  readonly arrivedAt: number;
  /** Octets of `head` and body together. */
  readonly size: number;
  /** The fields that the commit put on top (trace fields, prepended headers), CRLF-terminated; UTF-8. */
  readonly head: string;
  readonly parameters: MailParameters;
  readonly origin: MessageOrigin;
  readonly notes: { readonly [name: string]: Json };
}
