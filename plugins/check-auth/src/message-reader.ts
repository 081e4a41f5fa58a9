// A message on its way through the checks: its header section in one piece, then its body in turns.

import { setImmediate } from 'node:timers/promises';
import type { ReceivedMessage } from '@posthouse/core';

/** Octets of a body that are looked at in one go; then others have a turn. */
const TURN = 262_144;
const EMPTY = Buffer.alloc(0);

/** Read `header` first, then `body` or not, then `close`. */
export class MessageReader {
  readonly #octets: AsyncIterator<Uint8Array>;
  #rest: Buffer | undefined;

  constructor(message: ReceivedMessage) {
    this.#octets = message.open()[Symbol.asyncIterator]();
  }

  /** With the CRLF of its last line, without the empty line. */
  async header(): Promise<Buffer> {
    let head: Buffer = EMPTY;
    for (;;) {
      const { done = false, value } = await this.#octets.next();
      if (done) return head;
      const searched = Math.max(0, head.length - 3);
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
      head = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
      const empty = head[0] === 13 && head[1] === 10;
      const end = empty ? 0 : head.indexOf('\r\n\r\n', searched);
      if (end === -1) continue;
      const length = empty ? 0 : end + 2;
      this.#rest = head.subarray(length + 2);
      return head.subarray(0, length);
    }
  }

  async *body(): AsyncGenerator<Uint8Array, void> {
    // A header section without an end is all that there is.
    if (this.#rest === undefined) return;
    let turn = 0;
    let bytes: Uint8Array = this.#rest;
    for (;;) {
      for (let at = 0; at < bytes.length; at += TURN) {
        const piece = bytes.subarray(at, at + TURN);
        yield piece;
        turn += piece.length;
        if (turn >= TURN) {
          turn = 0;
          await setImmediate();
        }
      }
      const { done = false, value } = await this.#octets.next();
      if (done) return;
      bytes = value;
    }
  }

  /** Nothing more is read. */
  async close(): Promise<void> {
    await this.#octets.return?.();
  }
}
