// What the contract test of the queue stores puts into them: records, items and bytes that differ where it matters.

import type {
  MessageBody,
  MessageRecord,
  NewMessage,
  QueueEntry,
  QueueItem,
  QueueStore,
  TakeRequest,
} from '../contract/index.ts';

export const NOW = 1_800_000_000_000;
export const LATER = NOW + 60_000;

export function sampleItem(id: string, over: Partial<QueueItem> = {}): QueueItem {
  return {
    id,
    message: `m-${id}`,
    transport: 'deliver-sample',
    destination: 'example.org',
    recipients: [{ address: `${id}@example.org` }],
    state: 'waiting',
    reason: { kind: 'fresh' },
    attempts: 0,
    due: NOW,
    expires: NOW + 432_000_000,
    ...over,
  };
}

export function sampleMessage(id: string, over: Partial<MessageRecord> = {}): MessageRecord {
  return {
    id,
    sender: 'sender@example.net',
    arrivedAt: NOW,
    size: 10,
    head: 'Received: from here\r\n',
    parameters: {},
    origin: { session: 's1' },
    notes: {},
    ...over,
  };
}

/** Bytes in which every shift and every swapped block shows. */
export function sampleBytes(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[index] = state >>> 16;
  }
  return bytes;
}

/** Drafts the bytes in chunks whose sizes follow `sizes` round and round, waiting where the store asks for it. */
export async function drafted(store: QueueStore, bytes: Uint8Array, sizes = [65_536]): Promise<MessageBody> {
  const draft = store.draft();
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = sizes[turn % sizes.length] as number;
    // A copy, because the store takes the chunk over.
    await draft.write(bytes.slice(at, at + length));
    at += length;
  }
  return draft.finish();
}

export async function read(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A new message with the given items and a small body. */
export async function fresh(
  store: QueueStore,
  items: readonly QueueItem[],
  over: Partial<MessageRecord> = {},
  leaseUntil?: number,
): Promise<NewMessage> {
  const body = await drafted(store, Buffer.from('body\r\n'));
  return { message: sampleMessage((items[0] as QueueItem).message, over), body, items, leaseUntil };
}

/** Puts each item as a message of its own, in one change. */
export async function putEach(store: QueueStore, items: readonly QueueItem[]): Promise<void> {
  await store.commit({ put: await Promise.all(items.map((item) => fresh(store, [item]))) });
}

export async function take(
  store: QueueStore,
  over: Partial<TakeRequest> = {},
): Promise<readonly QueueEntry[]> {
  return store.take({ now: NOW, limit: 100, leaseUntil: LATER, except: [], ...over });
}

export async function takenIds(store: QueueStore, over: Partial<TakeRequest> = {}): Promise<string[]> {
  return (await take(store, over)).map(({ item }) => item.id);
}
