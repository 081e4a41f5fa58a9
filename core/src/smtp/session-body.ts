// The message that is coming in: its octets with the dots taken off, its size, and whether it will be refused.
// The one part of a session that bytes go through by the megabyte.

import { BinaryHeaderScanner } from './binary-header.ts';
import { DotDecoder } from './dot-stuffing.ts';
import { type BodyPolicy, bodyFault, LineEndNormaliser, LineEndScanner } from './line-ends.ts';
import type { SessionOutlet } from './session-outlet.ts';
import { LINE_TOO_LONG, refusalOf, TOO_LARGE } from './session-replies.ts';
import type { SessionOptions, Step } from './session-steps.ts';

const DROP_BODY: Step = { do: 'drop-body' };

export class SessionBody {
  /** Octets so far, as they will be kept. */
  size = 0;
  readonly #limit: number;
  readonly #textLine: number;
  readonly #policy: BodyPolicy;
  readonly #normaliser: LineEndNormaliser | undefined;
  readonly #decoder = new DotDecoder();
  readonly #binary: boolean;
  #scanner: LineEndScanner | BinaryHeaderScanner | undefined;
  #dropped = false;

  /** @param binary the message is kept octet for octet (BINARYMIME, RFC 3030 §3), and only its header section is lines. */
  constructor(
    { messageSize, textLine, body }: Pick<SessionOptions, 'messageSize' | 'textLine' | 'body'>,
    binary: boolean,
  ) {
    this.#limit = messageSize;
    this.#textLine = textLine;
    this.#binary = binary;
    // What may not be changed cannot be normalised.
    this.#policy = binary ? { ...body, bareLf: 'refuse', bareCr: 'refuse' } : body;
    const normalises = !binary && (body.bareLf === 'normalise' || body.bareCr === 'normalise');
    this.#normaliser = normalises ? new LineEndNormaliser() : undefined;
  }

  /** Takes what has arrived of DATA. Gives the index just after the end of data, or -1 while it has not come. */
  receive(bytes: Uint8Array, out: SessionOutlet): number {
    const received = this.#decoder.receive(bytes);
    this.#keep(received.body, out);
    return received.end;
  }

  /** Takes octets of a chunk, which are counted, not stuffed (RFC 3030 §2). */
  receiveChunk(bytes: Uint8Array, out: SessionOutlet): void {
    this.#scanner ??= this.#binary ? new BinaryHeaderScanner() : new LineEndScanner();
    this.#scanner.receive(bytes);
    this.#keep(bytes, out);
  }

  /** The last chunk is in. */
  finishChunks(): void {
    this.#scanner?.finish();
  }

  /** Nothing of it will be wanted. */
  drop(out: SessionOutlet): void {
    if (!this.#dropped) out.say(DROP_BODY);
    this.#dropped = true;
  }

  /** Why the message will be refused. Which of two faults it names is certain only at the end, however the body was cut. */
  get refusal(): Step | undefined {
    // RFC 1870 §6
    if (this.size > this.#limit) return TOO_LARGE;
    const { found } = this.#scanner ?? this.#decoder;
    const fault = bodyFault(found, this.#policy);
    if (fault !== undefined) return refusalOf(fault);
    const { longestLine } = this.#normaliser ?? found;
    return longestLine > this.#textLine ? LINE_TOO_LONG : undefined;
  }

  #keep(octets: Uint8Array, out: SessionOutlet): void {
    const body = this.#normaliser === undefined ? octets : this.#normaliser.receive(octets);
    this.size += body.length;
    if (this.refusal !== undefined) this.drop(out);
    else if (body.length > 0) out.say({ do: 'body', bytes: body });
  }
}
