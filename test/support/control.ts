// The control socket of a server under test: what is in its queue.

import { request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { QueueEntry } from '@posthouse/core';

/** Milliseconds between two looks. */
const LOOK_EVERY = 50;
/** Milliseconds that the server has to answer. */
const PATIENCE = 20_000;

/** The first entries of the queue. */
export async function queueEntries(socketPath: string, limit = 1000): Promise<readonly QueueEntry[]> {
  const answer = await ask(socketPath, 'GET', `/queue?limit=${limit}`);
  return (answer as { readonly entries: readonly QueueEntry[] }).entries;
}

/** Drops what fits from the queue; resolves to how many items that were. */
export async function dropFromQueue(
  socketPath: string,
  filter: Readonly<Record<string, string>>,
): Promise<number> {
  const answer = await ask(socketPath, 'POST', '/queue/drop', { filter, all: true });
  return (answer as { readonly count: number }).count;
}

/** Makes what fits due at once; resolves to how many items that were. */
export async function retryQueue(
  socketPath: string,
  filter: Readonly<Record<string, string>>,
): Promise<number> {
  const answer = await ask(socketPath, 'POST', '/queue/retry', { filter, all: true });
  return (answer as { readonly count: number }).count;
}

/** Resolves when the queue has been seen empty. Rejects after the given time, and says what is left. */
export async function untilQueueIsEmpty(socketPath: string, milliseconds = 60_000): Promise<void> {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    const entries = await queueEntries(socketPath);
    if (entries.length === 0) return;
    if (Date.now() > deadline) {
      const [first] = entries;
      throw new Error(
        `the queue still holds ${entries.length} items, the first ${JSON.stringify(first?.item)}`,
      );
    }
    await wait(LOOK_EVERY);
  }
}

function ask(socketPath: string, method: string, path: string, body?: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path, headers: { connection: 'close' } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
      });
    });
    asked.setTimeout(PATIENCE, () => asked.destroy(new Error(`${method} ${path}: no answer`)));
    asked.on('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
