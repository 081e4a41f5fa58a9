// A queued message as transports read it: the fields that the commit put on top, then the body as it came.

import type { Json, MessageBody, MessageRecord, Note, Notes, QueueStore, StoredMessage } from '../contract/index.ts';
import { mailbox } from '../smtp/index.ts';

export function storedMessage(record: MessageRecord, body: MessageBody | undefined, store: QueueStore): StoredMessage {
  const head = Buffer.from(record.head, 'utf8');
  return {
    id: record.id,
    size: record.size,
    arrivedAt: record.arrivedAt,
    sender: record.sender === '' ? null : mailbox(record.sender),
    parameters: record.parameters,
    origin: record.origin,
    notes: notesOf(record),
    inMemory: body?.inMemory === undefined ? undefined : [head, ...body.inMemory],
    open: () => withHead(head, body === undefined ? store.body(record.id) : body.open()),
  };
}

export function notesOf({ notes }: MessageRecord): Notes {
  return {
    get<T extends Json>(of: Note<T>): T | undefined {
      // The names come from plugins of another version, perhaps: only own properties count.
      return Object.hasOwn(notes, of.name) ? (notes[of.name] as T) : undefined;
    },
  };
}

async function* withHead(head: Uint8Array, body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  if (head.length > 0) yield head;
  yield* body;
}
