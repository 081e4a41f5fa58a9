// SmtpSession: the server's side of an SMTP dialogue as a value machine. Bytes and answers go in, steps come out;
// however the bytes are cut, the steps are the same. It knows no socket, clock, promise, plugin or logger:
// reception/connection.ts drives it. What each command does is in session-commands.ts.

import { type BdatCommand, type Command, commandOf } from './command.ts';
import { LineSplitter } from './line-splitter.ts';
import type { LoginAnswer } from './sasl.ts';
import { SessionAuth } from './session-auth.ts';
import { SessionCommands } from './session-commands.ts';
import { endReplies } from './session-end.ts';
import { SessionGate } from './session-gate.ts';
import { bannerReply } from './session-greeting.ts';
import { SessionOutlet } from './session-outlet.ts';
import * as say from './session-replies.ts';
import type { Answer, EachAnswer, Question, SessionOptions, Step } from './session-steps.ts';
import { SessionTransaction } from './session-transaction.ts';
import type { TransientStatus } from './status.ts';

export type { Answer, EachAnswer, Question, SessionOptions, Step };

const RESET: Step = { do: 'reset' };
const START_TLS: Step = { do: 'start-tls' };

type HookQuestion = Exclude<Question, { readonly hook: null }>;

export class SmtpSession {
  /** The session speaks LMTP (RFC 2033). */
  readonly lmtp: boolean;
  /** The client sent something before the banner. */
  earlyTalker = false;

  readonly #options: SessionOptions;
  readonly #splitter: LineSplitter;
  readonly #gate: SessionGate;
  readonly #auth: SessionAuth;
  readonly #transaction: SessionTransaction;
  readonly #out: SessionOutlet;
  readonly #commands: SessionCommands;
  #greeted = false;
  /** TLS is being negotiated: nothing is heard and nothing can be said. */
  #handshaking = false;
  #inputEnded = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.lmtp = options.protocol === 'lmtp';
    this.#splitter = new LineSplitter({ maxLine: Math.max(options.commandLine, options.auth?.line ?? 0) });
    this.#gate = new SessionGate(options);
    this.#auth = new SessionAuth(options.auth);
    this.#transaction = new SessionTransaction(options);
    this.#out = new SessionOutlet(options);
    this.#commands = new SessionCommands({
      options,
      gate: this.#gate,
      auth: this.#auth,
      transaction: this.#transaction,
      out: this.#out,
    });
  }

  /** What the client called itself in its last EHLO, HELO or LHLO. Untrusted. */
  get helo(): string | undefined {
    return this.#commands.helo;
  }

  /** The last greeting was EHLO or LHLO. */
  get esmtp(): boolean {
    return this.#commands.esmtp;
  }

  /** The authenticated user. */
  get user(): string | undefined {
    return this.#auth.user;
  }

  /** Whether a question is open. What is received meanwhile waits inside. */
  get waiting(): boolean {
    return this.#out.question !== undefined;
  }

  /** Whether octets of a message are awaited: the body after DATA, or the rest of a chunk. */
  get inBody(): boolean {
    return this.#transaction.body !== undefined || this.#transaction.chunks.open;
  }

  /** Whether a command line has begun and not ended. */
  get midLine(): boolean {
    return this.#splitter.midLine;
  }

  /** Octets that wait for an answer. The driver stops reading long before this matters. */
  get buffered(): number {
    return this.#splitter.size;
  }

  /** The first question. Call it once; what was received before is from an early talker. */
  begin(): Step[] {
    this.#out.ask({ hook: 'on-connect' });
    return this.#out.take();
  }

  /** Whatever has arrived. The bytes must not be changed afterwards. */
  receive(bytes: Uint8Array): Step[] {
    if (this.#out.closed || this.#handshaking) return [];
    // RFC 5321 §3.1: the server speaks first.
    if (!this.#greeted) this.earlyTalker = true;
    if (this.inBody && !this.waiting && this.#splitter.size === 0) this.#receiveBody(bytes);
    else this.#splitter.push(bytes);
    return this.#work();
  }

  /** The answer to the one open question, of the kind that it asks for. */
  answer(answer: Answer | EachAnswer | LoginAnswer): Step[] {
    const { question } = this.#out;
    if (question === undefined || this.#out.closed) return [];
    this.#out.question = undefined;
    this.#greeted = true;
    if (question.hook === null) this.#commands.carryOut(this.#auth.answer(answer as LoginAnswer));
    else this.#apply(question, answer as Answer | EachAnswer);
    return this.#work();
  }

  /** TLS is up, and the client is not who may be served: it hears so at each command (RFC 3207 §4.1). */
  distrust(): void {
    this.#gate.close(say.LACK_OF_SECURITY);
  }

  /** TLS is up: everything heard before it is forgotten, the greeting included (RFC 3207 §4.2). */
  secured(): Step[] {
    this.#handshaking = false;
    this.#splitter.clear();
    this.#gate.tls = 'active';
    this.#auth.forget();
    this.#commands.forget();
    this.#transaction.reset();
    return [RESET];
  }

  /** The client will send no more. Whatever it has sent is still answered. */
  inputEnded(): Step[] {
    this.#inputEnded = true;
    return this.#work();
  }

  /** The server ends the dialogue: 421 and close (RFC 5321 §3.8). An open question needs no answer any more. */
  end(status: TransientStatus, text: string): Step[] {
    if (this.#out.closed) return [];
    this.#out.question = undefined;
    // In a handshake nobody could read a reply.
    if (this.#handshaking) this.#out.close(text);
    else this.#out.bye(status, text);
    return this.#work();
  }

  /** Goes through what has arrived until a question is open or there is nothing left. */
  #work(): Step[] {
    const out = this.#out;
    while (this.#greeted && !this.waiting && !this.#handshaking && !out.closed) {
      if (this.inBody) {
        if (this.#splitter.size === 0) break;
        this.#receiveBody(this.#splitter.rest());
      } else if (!this.#nextLine()) break;
    }
    if (this.#inputEnded && this.#greeted && !this.waiting && !this.#handshaking && !out.closed)
      out.close('client left');
    if (out.closed) {
      this.#transaction.reset();
      this.#splitter.clear();
    }
    return out.take();
  }

  /** False where there is no whole one. */
  #nextLine(): boolean {
    const before = this.#splitter.size;
    const next = this.#splitter.next();
    this.#out.tally.heard(before - this.#splitter.size);
    if (next === undefined) return false;
    if (this.#auth.exchanging) this.#commands.carryOut(this.#auth.respond(next));
    else this.#command(commandOf(next, this.#splitter.length, this.#options.commandLine));
    return true;
  }

  #command(command: Command): void {
    const { verb } = command;
    const refusal = this.#gate.refusalOf(verb) ?? this.#transaction.outOfOrder(verb, this);
    // The octets of a refused chunk follow it all the same.
    if (refusal !== undefined && verb !== 'BDAT') this.#out.refuse(refusal);
    else if (this.#out.tally.saidTooMuch && this.user === undefined)
      this.#out.enough('Too much was sent without authentication');
    else if (command.verb === 'BDAT') this.#bdat(command, refusal);
    else if (command.verb === 'STARTTLS') this.#startTls();
    else this.#commands.serve(command);
  }

  #startTls(): void {
    const out = this.#out;
    if (this.#splitter.size > 0) {
      // Bytes behind the command were sent before the client had our answer: an injection, or a broken client.
      out.say(say.AFTER_STARTTLS);
      out.close('plaintext after STARTTLS');
      return;
    }
    this.#commands.endTransaction();
    out.say(say.READY_FOR_TLS);
    out.say(START_TLS);
    this.#handshaking = true;
  }

  #bdat(command: BdatCommand, refusal: Step | undefined): void {
    const begun = this.#transaction.beginChunk(command, refusal, this.#out);
    if (!begun) this.#out.close('a chunk too large to wait for');
    else if (command.size === 0) this.#endChunk();
  }

  #receiveBody(bytes: Uint8Array): void {
    const { body, chunks } = this.#transaction;
    const end = body === undefined ? chunks.receive(bytes, this.#out) : body.receive(bytes, this.#out);
    this.#out.tally.heard(end === -1 ? bytes.length : end);
    if (end === -1) return;
    if (end < bytes.length) this.#splitter.push(bytes.subarray(end));
    if (body === undefined) this.#endChunk();
    else {
      this.#transaction.body = undefined;
      this.#endMessage(body.size, body.refusal);
    }
  }

  /** All octets of the chunk have come: only now it is answered (RFC 3030 §2). */
  #endChunk(): void {
    const { size, last, refusal, messageSize } = this.#transaction.chunks.end(this.#transaction.open);
    if (this.lmtp && last && refusal?.step === say.RCPT_FIRST) {
      // RFC 2033 §4.3: as many replies as there are recipients, and here there are none.
      this.#commands.endTransaction();
      this.#out.refuse(undefined);
    } else if (refusal?.outOfOrder) this.#out.refuse(refusal.step);
    else if (refusal === undefined ? last : refusal.ends) this.#endMessage(messageSize, refusal?.step);
    else this.#out.repeat(refusal?.step ?? say.chunkOk(size), last ? this.#transaction.replies : 1);
  }

  #endMessage(size: number, refusal: Step | undefined): void {
    if (refusal === undefined) this.#out.ask({ hook: 'on-data', size });
    else {
      this.#out.repeat(refusal, this.#transaction.replies);
      this.#commands.endTransaction();
    }
  }

  #apply(question: HookQuestion, answer: Answer | EachAnswer): void {
    const out = this.#out;
    if (answer.kind === 'disconnect') out.bye('4.7.0', answer.text);
    else if (question.hook === 'on-data' || answer.kind === 'each') {
      if (endReplies(answer, this.#transaction.replies, out)) out.tally.accepted();
      this.#commands.endTransaction();
    } else if (question.hook === 'on-connect') {
      out.say(this.#gate.closed ?? bannerReply(answer, this.#options));
      if (answer.kind === 'reject') this.#gate.close(say.ONLY_QUIT);
      else if (answer.kind === 'defer') out.close(answer.text);
    } else if (answer.kind === 'accept') out.say(this.#transaction.accept(question.hook));
    else out.withoutMail(say.vetoReply(answer));
  }
}
