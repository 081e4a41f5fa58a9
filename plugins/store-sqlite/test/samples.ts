// Items and messages for the tests that are this plugin's alone.

import type { MessageBody, MessageRecord, QueueItem, QueueStore } from '@posthouse/core';

export const NOW = 1_800_000_000_000;

export function item(id: string, over: Partial<QueueItem> = {}): QueueItem {
  return {
    id,
    message: `m-${id}`,
    transport: 'deliver-smtp',
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

export function record(id: string): MessageRecord {
  const origin = { session: 's1' };
  return {
    id,
    sender: 'a@example.net',
    arrivedAt: NOW,
    size: 0,
    head: '',
    parameters: {},
    origin,
    notes: {},
  };
}

export async function drafted(store: QueueStore, size: number, chunk = 65_536): Promise<MessageBody> {
  const draft = store.draft();
  for (let at = 0; at < size; at += chunk)
    await draft.write(Buffer.alloc(Math.min(chunk, size - at), `${at}.`));
  return draft.finish();
}

/** One message with these items. */
export async function put(
  store: QueueStore,
  items: readonly QueueItem[],
  message = (items[0] as QueueItem).message,
  size = 10,
  leaseUntil?: number,
): Promise<void> {
  const body = await drafted(store, size);
  const own = items.map((one) => ({ ...one, message }));
  await store.commit({ put: [{ message: record(message), body, items: own, leaseUntil }] });
}

export async function takenIds(store: QueueStore, now = NOW): Promise<string[]> {
  const taken = await store.take({ now, limit: 100, leaseUntil: now + 60_000, except: [] });
  return taken.map((entry) => entry.item.id);
}

export async function read(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}
