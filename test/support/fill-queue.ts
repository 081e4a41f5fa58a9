// Fills a durable queue by the store's own means, much faster than clients could.

import type { MessageRecord, NewMessage, QueueItem, QueueStore } from '@posthouse/core';
import { mount } from '@posthouse/core/testing';
import storeSqlite from '@posthouse/store-sqlite';

export interface Filling {
  readonly count: number;
  /** Destinations among which the items are spread, or how many. */
  readonly lanes: number | readonly string[];
  readonly transport: string;
  /** Milliseconds from now until they are due; left out: now. */
  readonly dueIn?: number;
}

const BATCH = 1000;
const CONTENT = Buffer.from('Subject: waiting\r\n\r\nIt has waited long enough.\r\n');
const EXPIRES_IN = 432_000_000;

/** Messages of one recipient, all due at one time. The folder may not be in use. */
export async function fillQueue(
  path: string,
  { count, lanes, transport, dueIn = 0 }: Filling,
): Promise<void> {
  await using mounted = await mount(storeSqlite({ path, thread: 'main' }));
  const store = mounted.services.queue as QueueStore;
  const now = Date.now();
  const names =
    typeof lanes === 'number' ? Array.from({ length: lanes }, (_, lane) => `lane${lane}.example`) : lanes;
  for (let from = 0; from < count; from += BATCH) {
    const put: NewMessage[] = [];
    for (let index = from; index < Math.min(count, from + BATCH); index += 1) {
      put.push(
        await waiting(store, index, names[index % names.length] as string, transport, now, now + dueIn),
      );
    }
    await store.commit({ put });
  }
}

async function waiting(
  store: QueueStore,
  index: number,
  destination: string,
  transport: string,
  now: number,
  due: number,
): Promise<NewMessage> {
  const id = `0FILL${String(index).padStart(8, '0')}`;
  const draft = store.draft();
  await draft.write(CONTENT);
  const message: MessageRecord = {
    id: `${id}M`,
    sender: 'filler@client.example',
    arrivedAt: now,
    size: CONTENT.length,
    head: '',
    parameters: {},
    origin: { session: 'FILLER' },
    notes: {},
  };
  const item: QueueItem = {
    id: `${id}I`,
    message: message.id,
    transport,
    destination,
    recipients: [{ address: `box${index}@${destination}` }],
    state: 'waiting',
    reason: { kind: 'fresh' },
    attempts: 0,
    due,
    expires: now + EXPIRES_IN,
  };
  return { message, body: await draft.finish(), items: [item], leaseUntil: undefined };
}
