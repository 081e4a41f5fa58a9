// A queued message as transports read it: the fields that the commit put on top, then the body as it came.

import type {
  Json,
  MessageBody,
  MessageOrigin,
  MessageRecord,
  Note,
  Notes,
  QueuedRecipient,
  QueueStore,
  StoredMessage,
} from '../contract/index.ts';
import { type MailParameters, mailbox, type ReversePath } from '../smtp/index.ts';

/** Costly parts are made when first asked for: many transports need few of them. */
export class QueuedMessage implements StoredMessage {
  readonly sender: ReversePath;
  readonly #record: MessageRecord;
  readonly #body: MessageBody | undefined;
  readonly #store: QueueStore;
  #head: Uint8Array | undefined;
  #inMemory: readonly Uint8Array[] | undefined;

  /** @param body where the octets are in memory; undefined: the store has them. Throws on an address that is none. */
  constructor(record: MessageRecord, body: MessageBody | undefined, store: QueueStore) {
    this.#record = record;
    this.#body = body;
    this.#store = store;
    this.sender = senderOf(record);
  }

  get id(): string {
    return this.#record.id;
  }

  get size(): number {
    return this.#record.size;
  }

  get arrivedAt(): number {
    return this.#record.arrivedAt;
  }

  get parameters(): MailParameters {
    return this.#record.parameters;
  }

  get origin(): MessageOrigin {
    return this.#record.origin;
  }

  get notes(): Notes {
    return notesOf(this.#record);
  }

  get inMemory(): readonly Uint8Array[] | undefined {
    const chunks = this.#body?.inMemory;
    if (chunks === undefined) return undefined;
    this.#inMemory ??= this.#record.head === '' ? chunks : [this.#headOctets(), ...chunks];
    return this.#inMemory;
  }

  async *open(): AsyncIterable<Uint8Array> {
    if (this.#record.head !== '') yield this.#headOctets();
    yield* this.#body === undefined ? this.#store.body(this.#record.id) : this.#body.open();
  }

  #headOctets(): Uint8Array {
    this.#head ??= Buffer.from(this.#record.head, 'utf8');
    return this.#head;
  }
}

/** The octets up to and with the empty line that ends the header section (RFC 5322 §2.1); all of them where there is none. */
export async function* headerOnly(octets: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  // What the end may have begun with in the chunks before. A message may begin with the empty line.
  let before = Buffer.from('\r\n');
  for await (const chunk of octets) {
    const seen = Buffer.concat([before, chunk]);
    const end = seen.indexOf('\r\n\r\n', 0, 'latin1');
    if (end !== -1) {
      yield chunk.subarray(0, end + 4 - before.length);
      return;
    }
    yield chunk;
    before = seen.subarray(-3);
  }
}

export function senderOf({ sender }: Pick<MessageRecord, 'sender'>): ReversePath {
  return sender === '' ? null : mailbox(sender);
}

/** The record with the sender that counts for these recipients of one item: a redirection may have changed it. */
export function recordFor(
  message: MessageRecord,
  [first]: readonly Pick<QueuedRecipient, 'sender'>[],
): MessageRecord {
  return first?.sender === undefined ? message : { ...message, sender: first.sender };
}

export function notesOf({ notes }: Pick<MessageRecord, 'notes'>): Notes {
  return {
    get<T extends Json>(of: Note<T>): T | undefined {
      // The names come from plugins of another version, perhaps: only own properties count.
      return Object.hasOwn(notes, of.name) ? (notes[of.name] as T) : undefined;
    },
  };
}
