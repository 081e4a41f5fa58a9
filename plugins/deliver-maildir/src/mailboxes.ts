// The mailboxes of the configuration: what is written for a recipient, under which name, and in which thread.

import type { Delivery, Recipient } from '@posthouse/core';
import { pooled } from './file-calls.ts';
import { Maildir } from './maildir.ts';
import { RemoteMaildir } from './remote-maildir.ts';
import type { UniqueNames } from './unique-names.ts';

/** Octets up to which a message that is in memory is copied into the thread that writes. */
const SMALL = 256 * 1024;
/** Other messages that are written at a time. */
const LARGE_AT_A_TIME = 16;

export class Mailboxes {
  readonly #names: UniqueNames;
  readonly #lineEnds: 'crlf' | 'lf';
  readonly #small = new RemoteMaildir();
  readonly #large = new Maildir(pooled, LARGE_AT_A_TIME);

  constructor(names: UniqueNames, lineEnds: 'crlf' | 'lf') {
    this.#names = names;
    this.#lineEnds = lineEnds;
  }

  /** Durable in the Maildir when it resolves; as `Maildir.write` otherwise. */
  write(folder: string, recipient: Recipient, delivery: Delivery): Promise<void> {
    const { message } = delivery;
    const { inMemory } = message;
    const name = this.#names.next();
    const trace = Buffer.from(traceOf(delivery, recipient));
    // A binary message has no lines: changing what looks like their ends would destroy it (RFC 3030 §3).
    const lineEnds = message.parameters.body === 'BINARYMIME' ? 'crlf' : this.#lineEnds;
    if (inMemory !== undefined && message.size <= SMALL)
      return this.#small.write({ folder, name, lineEnds, pieces: [trace, ...inMemory] });
    const open = () => (inMemory === undefined ? streamed(trace, delivery) : [trace, ...inMemory]);
    return this.#large.write({ folder, name, lineEnds, open });
  }

  /** Letters under way reject. */
  close(): Promise<void> {
    return this.#small.close();
  }
}

async function* streamed(trace: Buffer, { message, signal }: Delivery): AsyncIterable<Uint8Array> {
  yield trace;
  for await (const chunk of message.open()) {
    signal.throwIfAborted();
    yield chunk;
  }
}

/** RFC 5321 §4.4: whoever makes the final delivery records the reverse-path on top. */
function traceOf({ sender }: Delivery, { address }: Recipient): string {
  return `Return-Path: <${sender === null ? '' : sender.toString()}>\r\nDelivered-To: ${address.toString()}\r\n`;
}
