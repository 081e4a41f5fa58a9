// What lies in a Maildir, and what of a message is left without the trace fields that servers put on top.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** Milliseconds until mail must have come. */
const PATIENCE = 30_000;

/** Waits for so many messages in the mailbox and gives them all. */
export async function mailIn(mailbox: string, count: number): Promise<readonly Buffer[]> {
  const folder = join(mailbox, 'new');
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const names = listed(folder);
    if (names.length >= count) return names.map((name) => readFileSync(join(folder, name)));
    if (Date.now() > deadline) throw new Error(`${names.length} of ${count} messages came to ${mailbox}`);
    await wait(20);
  }
}

/** The message that holds this text; waits for it. */
export async function mailWith(mailbox: string, text: string): Promise<Buffer> {
  const folder = join(mailbox, 'new');
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    for (const name of listed(folder)) {
      const content = readFileSync(join(folder, name));
      if (content.includes(text)) return content;
    }
    if (Date.now() > deadline) throw new Error(`nothing with “${text}” came to ${mailbox}`);
    await wait(20);
  }
}

const TRACE = new Set(['return-path', 'delivered-to', 'received']);

/** The octets behind the trace fields on top: RFC 5321 §4.4 lets each server add those, and nothing else. */
export function withoutTrace(message: Buffer): Buffer {
  let start = 0;
  for (;;) {
    let end = message.indexOf('\r\n', start);
    while (end !== -1 && (message[end + 2] === 32 || message[end + 2] === 9))
      end = message.indexOf('\r\n', end + 2);
    const name = message.subarray(start, message.indexOf(':', start)).toString('latin1').toLowerCase();
    if (end === -1 || !TRACE.has(name)) return message.subarray(start);
    start = end + 2;
  }
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
