// What a test says of a question or a delivery, completed to what a handler is given.

import type {
  Logger,
  MessageRecord,
  ReceivedMessage,
  SessionView,
  SharedConnections,
  StoredMessage,
} from '../contract/index.ts';
import { type EditList, NoteBook } from '../hooks/index.ts';
import { headerEnd, ParsedHeaders, surveyHeader } from '../intake/header-section.ts';
import { MimeStructure } from '../intake/mime-structure.ts';
import { Mailbox, type MailParameters, mailbox, type ReversePath } from '../smtp/index.ts';

/** What a test says of the question; the rest is a plausible stranger at 192.0.2.1. */
export interface AskedDetails {
  readonly session?: Partial<SessionView>;
  readonly sender?: ReversePath | string;
  readonly recipient?: Mailbox | string;
  readonly recipients?: readonly (Mailbox | string)[];
  readonly accepted?: readonly (Mailbox | string)[];
  readonly claimed?: boolean;
  readonly notes?: NoteBook;
  /** The message of on-data, CRLF line ends. */
  readonly message?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

export interface DeliveryDetails {
  readonly destination?: string;
  readonly attempt?: number;
  readonly sender?: ReversePath | string;
  /** Of MAIL. Default: none. */
  readonly parameters?: MailParameters;
  readonly recipients: readonly (Mailbox | string)[];
  readonly message: string | Uint8Array;
  /** false: the octets come from the store, a chunk at a time. Default true. */
  readonly inMemory?: boolean;
  readonly messagesPerConnection?: number;
  /** Whether there is room at these hosts. Default: there is. */
  readonly through?: (hosts: readonly string[]) => boolean;
  readonly shared?: SharedConnections;
  readonly signal?: AbortSignal;
}

export const STRANGER: SessionView = {
  id: 'SESSION1',
  listener: 'mx',
  openedAt: 0,
  remoteAddress: '192.0.2.1',
  remotePort: 40_000,
  localAddress: '198.51.100.1',
  localPort: 25,
  helo: 'client.example',
  protocol: 'ESMTP',
  tls: undefined,
  proxy: undefined,
  forwarded: undefined,
  earlyTalker: false,
  user: undefined,
};

export function askedOf(details: AskedDetails, log: Logger, edits: EditList): object {
  const content = octets(details.message ?? 'Subject: test\r\n\r\nHello\r\n');
  return {
    session: { ...STRANGER, ...details.session },
    notes: details.notes ?? new NoteBook(),
    log,
    signal: details.signal ?? new AbortController().signal,
    sender: asSender(details.sender),
    parameters: {},
    recipient: asMailbox(details.recipient ?? 'recipient@house.example'),
    rcptParameters: {},
    recipients: (details.recipients ?? ['recipient@house.example']).map(asMailbox),
    accepted: (details.accepted ?? []).map(asMailbox),
    claimed: details.claimed ?? false,
    message: receivedMessage(content),
    edits,
  };
}

function receivedMessage(content: Uint8Array): ReceivedMessage {
  const end = headerEnd(content);
  const header = end === -1 ? content : content.subarray(0, end);
  return {
    size: content.length,
    headers: new ParsedHeaders(header),
    header,
    get mime() {
      const structure = MimeStructure.of(surveyHeader(header).contentType);
      structure?.receive(content.subarray(header.length + 2));
      return { parts: structure?.parts ?? 0, depth: structure?.deepest ?? 0 };
    },
    open: () => inChunks(content),
  };
}

export function storedMessage({
  message,
  sender,
  inMemory,
  parameters = {},
}: DeliveryDetails): StoredMessage {
  const content = octets(message);
  const record: Pick<MessageRecord, 'id' | 'arrivedAt' | 'parameters' | 'origin'> = {
    id: 'MESSAGE1',
    arrivedAt: 0,
    parameters,
    origin: { session: 'SESSION1' },
  };
  return {
    ...record,
    size: content.length,
    sender: asSender(sender),
    notes: new NoteBook(),
    inMemory: inMemory === false ? undefined : [content],
    open: () => inChunks(content),
  };
}

export async function* inChunks(content: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536);
}

export function octets(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
}

export function asMailbox(given: Mailbox | string): Mailbox {
  return given instanceof Mailbox ? given : mailbox(given);
}

export function asSender(given: ReversePath | string | undefined): ReversePath {
  if (given === undefined) return mailbox('sender@client.example');
  return given === null || given === '' ? null : asMailbox(given);
}
