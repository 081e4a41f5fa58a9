// The message that is coming in: its octets with the dots taken off, its size, and whether it will be refused.
// The one part of a session that bytes go through by the megabyte.

import { DotDecoder } from './dot-stuffing.ts';
import { type BodyPolicy, bodyFault, LineEndNormaliser } from './line-ends.ts';
import { LINE_TOO_LONG, refusalOf, TOO_LARGE } from './session-replies.ts';
import type { SessionOptions, Step } from './session-steps.ts';

const DROP_BODY: Step = { do: 'drop-body' };

export class SessionBody {
  /** Octets so far, as they will be kept. */
  size = 0;
  readonly #limit: number;
  readonly #textLine: number;
  readonly #policy: BodyPolicy;
  readonly #decoder = new DotDecoder();
  readonly #normaliser: LineEndNormaliser | undefined;
  #dropped = false;

  constructor({ messageSize, textLine, body }: Pick<SessionOptions, 'messageSize' | 'textLine' | 'body'>) {
    this.#limit = messageSize;
    this.#textLine = textLine;
    this.#policy = body;
    const normalises = body.bareLf === 'normalise' || body.bareCr === 'normalise';
    this.#normaliser = normalises ? new LineEndNormaliser() : undefined;
  }

  /** Takes what has arrived. Gives the index just after the end of data, or -1 while it has not come. */
  receive(bytes: Uint8Array, steps: Step[]): number {
    const received = this.#decoder.receive(bytes);
    const body = this.#normaliser === undefined ? received.body : this.#normaliser.receive(received.body);
    this.size += body.length;
    if (this.refusal !== undefined) {
      if (!this.#dropped) steps.push(DROP_BODY);
      this.#dropped = true;
    } else if (body.length > 0) steps.push({ do: 'body', bytes: body });
    return received.end;
  }

  /** Why the message will be refused. Which of two faults it names is certain only at the end, however the body was cut. */
  get refusal(): Step | undefined {
    // RFC 1870 §6
    if (this.size > this.#limit) return TOO_LARGE;
    const fault = bodyFault(this.#decoder.found, this.#policy);
    if (fault !== undefined) return refusalOf(fault);
    const { longestLine } = this.#normaliser ?? this.#decoder.found;
    return longestLine > this.#textLine ? LINE_TOO_LONG : undefined;
  }
}
