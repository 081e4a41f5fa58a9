// The chunks of one connection (BDAT, RFC 3030 §2): the one that is coming in, the message that they make up, and why
// one is refused. A refused chunk is read to its end all the same, so that its octets are never taken for commands.

import type { BdatCommand } from './command.ts';
import { SessionBody } from './session-body.ts';
import type { SessionOutlet } from './session-outlet.ts';
import { CHUNK_REFUSED, refusalOf, TOO_LARGE, TOO_MANY_CHUNKS } from './session-replies.ts';
import type { SessionOptions, Step } from './session-steps.ts';

export interface ChunkRefusal {
  readonly step: Step;
  /** The command came at the wrong time or was malformed; else its octets, or those before, were at fault. */
  readonly outOfOrder: boolean;
  /** The message was complete: its transaction is over, as with DATA. */
  readonly ends: boolean;
}

/** A chunk whose octets have come. */
export interface EndedChunk {
  /** Octets of the chunk. */
  readonly size: number;
  /** Octets of the message so far, as they will be kept. */
  readonly messageSize: number;
  readonly last: boolean;
  readonly refusal: ChunkRefusal | undefined;
}

type Limits = Pick<SessionOptions, 'messageSize' | 'textLine' | 'body' | 'chunks'>;

export class SessionChunks {
  /** Chunks of the open transaction, refused ones included. */
  count = 0;
  readonly #limits: Limits;
  #body: SessionBody | undefined;
  /** One was refused: the others are too, until RSET. */
  #failed = false;
  #size = -1;
  #left = 0;
  #last = false;
  #refusal: ChunkRefusal | undefined;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Whether octets of a chunk are awaited. */
  get open(): boolean {
    return this.#size !== -1;
  }

  /** @param outOfOrder why no chunk may come now. */
  begin(
    { size, last, fault }: BdatCommand,
    outOfOrder: Step | undefined,
    binary: boolean,
    out: SessionOutlet,
  ): void {
    const wrong = outOfOrder ?? (fault && refusalOf(fault));
    this.#size = size;
    this.#left = size;
    this.#last = last;
    this.#refusal = this.#refusalOf(wrong, size);
    this.count += 1;
    if (this.#refusal === undefined) this.#body ??= new SessionBody(this.#limits, binary);
    else this.#body?.drop(out);
  }

  /** Takes what has arrived. Gives the index just after the end of the chunk, or -1 while it has not come. */
  receive(bytes: Uint8Array, out: SessionOutlet): number {
    const whole = bytes.length <= this.#left;
    const octets = whole ? bytes : bytes.subarray(0, this.#left);
    this.#left -= octets.length;
    if (this.#refusal === undefined) (this.#body as SessionBody).receiveChunk(octets, out);
    return this.#left === 0 ? octets.length : -1;
  }

  /** All octets have come. @param inTransaction whether what is refused now spoils a transaction. */
  end(inTransaction: boolean): EndedChunk {
    const size = this.#size;
    const last = this.#last;
    const body = this.#body;
    this.#size = -1;
    if (last && this.#refusal === undefined) body?.finishChunks();
    const fault = this.#refusal === undefined ? body?.refusal : undefined;
    const refusal = fault === undefined ? this.#refusal : { step: fault, outOfOrder: false, ends: last };
    this.#failed = inTransaction && refusal !== undefined;
    if (!inTransaction) this.count = 0;
    return { size, messageSize: body?.size ?? 0, last, refusal };
  }

  /** The transaction is over, and whatever was announced in it. */
  reset(): void {
    this.count = 0;
    this.#size = -1;
    this.#body = undefined;
    this.#failed = false;
  }

  #refusalOf(wrong: Step | undefined, size: number): ChunkRefusal | undefined {
    // RFC 3030 §2: chunks in the pipeline behind a refused one were sent before the client could know.
    if (this.#failed) return { step: CHUNK_REFUSED, outOfOrder: false, ends: false };
    if (wrong !== undefined) return { step: wrong, outOfOrder: true, ends: false };
    if (this.count >= this.#limits.chunks)
      return { step: TOO_MANY_CHUNKS, outOfOrder: false, ends: this.#last };
    // RFC 1870 §6: known before the octets come.
    const tooLarge = (this.#body?.size ?? 0) + size > this.#limits.messageSize;
    return tooLarge ? { step: TOO_LARGE, outOfOrder: false, ends: this.#last } : undefined;
  }
}
