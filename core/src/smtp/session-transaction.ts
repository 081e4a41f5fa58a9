// The open mail transaction of a session, and the order in which commands may come (RFC 5321 §4.1.4): why one of them
// cannot be served now, whatever its arguments.

import type { BdatCommand, Command } from './command.ts';
import type { MailParameters } from './parameters.ts';
import type { SessionBody } from './session-body.ts';
import { SessionChunks } from './session-chunks.ts';
import type { SessionOutlet } from './session-outlet.ts';
import {
  AFTER_CHUNKS,
  BINARY_BY_BDAT,
  EHLO_FOR_BDAT,
  MAIL_FIRST,
  NESTED_MAIL,
  NO_VALID_RECIPIENTS,
  RCPT_FIRST,
  RECIPIENT_OK,
  refusalOf,
  SAY_HELLO_FIRST,
  SAY_LHLO_FIRST,
  SENDER_OK,
  TOO_LARGE,
} from './session-replies.ts';
import type { SessionOptions, Step } from './session-steps.ts';

interface Greeted {
  readonly helo: string | undefined;
  readonly esmtp: boolean;
}

export class SessionTransaction {
  /** MAIL was accepted. */
  open = false;
  smtputf8 = false;
  /** BODY=BINARYMIME (RFC 3030 §3). */
  binary = false;
  /** Recipients that were accepted. */
  accepted = 0;
  /** What comes by DATA, while it comes. */
  body: SessionBody | undefined;
  readonly chunks: SessionChunks;
  readonly #messageSize: number;
  readonly #lmtp: boolean;
  readonly #helloFirst: Step;

  constructor(options: SessionOptions) {
    this.#messageSize = options.messageSize;
    this.#lmtp = options.protocol === 'lmtp';
    this.#helloFirst = this.#lmtp ? SAY_LHLO_FIRST : SAY_HELLO_FIRST;
    this.chunks = new SessionChunks(options);
  }

  /** How many replies the end of a message has: on LMTP one for each accepted recipient (RFC 2033 §4.2). */
  get replies(): number {
    return this.#lmtp ? this.accepted : 1;
  }

  /** What MAIL says of the message, before it is accepted. */
  expect({ smtputf8, body }: MailParameters): void {
    this.smtputf8 = smtputf8 === true;
    this.binary = body === 'BINARYMIME';
  }

  /** The sender or a recipient was accepted: what the client hears. */
  accept(hook: 'on-mail-from' | 'on-rcpt'): Step {
    if (hook === 'on-rcpt') {
      this.accepted += 1;
      return RECIPIENT_OK;
    }
    this.open = true;
    return SENDER_OK;
  }

  reset(): void {
    this.open = false;
    this.smtputf8 = false;
    this.binary = false;
    this.accepted = 0;
    this.body = undefined;
    this.chunks.reset();
  }

  /**
   * BDAT: the octets of a chunk follow, refused or not. False, and a reply, where there are too many to wait for:
   * outside a transaction no deadline bounds what is dropped, and what cannot be counted has no end.
   */
  beginChunk(command: BdatCommand, refusal: Step | undefined, out: SessionOutlet): boolean {
    const waitsFor = this.open ? Number.MAX_SAFE_INTEGER : this.#messageSize;
    if (command.size <= waitsFor) this.chunks.begin(command, refusal, this.binary, out);
    else out.say(command.fault === undefined ? TOO_LARGE : refusalOf(command.fault));
    return command.size <= waitsFor;
  }

  /** Undefined where the command may come now. */
  outOfOrder(verb: Command['verb'], { helo, esmtp }: Greeted): Step | undefined {
    switch (verb) {
      case 'MAIL':
        if (this.open) return NESTED_MAIL;
        return helo === undefined ? this.#helloFirst : undefined;
      case 'RCPT':
      case 'DATA':
        if (!this.open) return helo === undefined ? this.#helloFirst : MAIL_FIRST;
        // RFC 2033 §4.2 has 503 where RFC 5321 §3.3 has 554.
        if (verb === 'DATA' && this.accepted === 0) return this.#lmtp ? RCPT_FIRST : NO_VALID_RECIPIENTS;
        // RFC 3030 §2 and §3: the two never mix, and only chunks can carry what is binary.
        if (this.chunks.count > 0) return AFTER_CHUNKS;
        return verb === 'DATA' && this.binary ? BINARY_BY_BDAT : undefined;
      case 'BDAT':
        if (helo === undefined) return this.#helloFirst;
        if (!esmtp) return EHLO_FOR_BDAT;
        if (!this.open) return MAIL_FIRST;
        return this.accepted === 0 ? RCPT_FIRST : undefined;
      default:
        return undefined;
    }
  }
}
