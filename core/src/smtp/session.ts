// SmtpSession: the server's side of an SMTP dialogue as a value machine. Bytes and answers go in, steps come out;
// however the bytes are cut, the steps are the same. It knows no socket, clock, promise, plugin or logger:
// reception/connection.ts drives it.

import { type BdatCommand, type Command, commandOf, type HelloCommand } from './command.ts';
import { LineSplitter } from './line-splitter.ts';
import { reply } from './reply.ts';
import type { LoginAnswer } from './sasl.ts';
import { type AuthStep, SessionAuth } from './session-auth.ts';
import { SessionBody } from './session-body.ts';
import { type ClaimCommand, readClaim } from './session-claims.ts';
import { endReplies, repeat } from './session-end.ts';
import { readMail, readRcpt } from './session-envelope.ts';
import { SessionGate } from './session-gate.ts';
import { bannerReply, helloReply, helpReply, type OnOffer } from './session-greeting.ts';
import * as say from './session-replies.ts';
import type { Answer, EachAnswer, Question, SessionOptions, Step } from './session-steps.ts';
import { SessionTally } from './session-tally.ts';
import { SessionTransaction } from './session-transaction.ts';
import type { TransientStatus } from './status.ts';

export type { Answer, EachAnswer, Question, SessionOptions, Step };

const RESET: Step = { do: 'reset' };
const START_TLS: Step = { do: 'start-tls' };

type HookQuestion = Exclude<Question, { readonly hook: null }>;

export class SmtpSession {
  /** What the client called itself in its last EHLO, HELO or LHLO. Untrusted. */
  helo: string | undefined;
  /** The last greeting was EHLO or LHLO. */
  esmtp = false;
  /** The session speaks LMTP (RFC 2033). */
  readonly lmtp: boolean;
  /** The client sent something before the banner. */
  earlyTalker = false;

  readonly #options: SessionOptions;
  readonly #auth: SessionAuth;
  readonly #splitter: LineSplitter;
  readonly #gate: SessionGate;
  #phase: 'commands' | 'body' | 'handshake' | 'closed' = 'commands';
  #open: Question | undefined;
  #inputEnded = false;
  #greeted = false;
  readonly #tally: SessionTally;

  readonly #transaction: SessionTransaction;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.lmtp = options.protocol === 'lmtp';
    this.#gate = new SessionGate(options);
    this.#auth = new SessionAuth(options.auth);
    this.#splitter = new LineSplitter({ maxLine: Math.max(options.commandLine, options.auth?.line ?? 0) });
    this.#tally = new SessionTally(options);
    this.#transaction = new SessionTransaction(options);
  }

  /** The authenticated user. */
  get user(): string | undefined {
    return this.#auth.user;
  }

  /** Whether a question is open. What is received meanwhile waits inside. */
  get waiting(): boolean {
    return this.#open !== undefined;
  }

  /** Whether octets of a message are awaited: the body after DATA, or the rest of a chunk. */
  get inBody(): boolean {
    return this.#phase === 'body' || this.#transaction.chunks.open;
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
    return this.#ask({ hook: 'on-connect' }, []);
  }

  /** Whatever has arrived. The bytes must not be changed afterwards. */
  receive(bytes: Uint8Array): Step[] {
    const steps: Step[] = [];
    if (this.#phase === 'closed' || this.#phase === 'handshake') return steps;
    // RFC 5321 §3.1: the server speaks first.
    if (!this.#greeted) this.earlyTalker = true;
    if (this.inBody && this.#open === undefined && this.#splitter.size === 0) this.#receiveBody(bytes, steps);
    else this.#splitter.push(bytes);
    this.#work(steps);
    return steps;
  }

  /** The answer to the one open question, of the kind that it asks for. */
  answer(answer: Answer | EachAnswer | LoginAnswer): Step[] {
    const question = this.#open;
    const steps: Step[] = [];
    if (question === undefined || this.#phase === 'closed') return steps;
    this.#open = undefined;
    this.#greeted = true;
    if (question.hook === null) this.#carryOut(this.#auth.answer(answer as LoginAnswer), steps);
    else this.#apply(question, answer as Answer | EachAnswer, steps);
    this.#work(steps);
    return steps;
  }

  /** TLS is up, and the client is not who may be served: it hears so at each command (RFC 3207 §4.1). */
  distrust(): void {
    this.#gate.close(say.LACK_OF_SECURITY);
  }

  /** TLS is up: everything heard before it is forgotten, the greeting included (RFC 3207 §4.2). */
  secured(): Step[] {
    this.#splitter.clear();
    this.#gate.tls = 'active';
    this.#phase = 'commands';
    this.#auth.forget();
    this.helo = undefined;
    this.esmtp = false;
    this.#transaction.reset();
    return [RESET];
  }

  /** The client will send no more. Whatever it has sent is still answered. */
  inputEnded(): Step[] {
    const steps: Step[] = [];
    this.#inputEnded = true;
    this.#work(steps);
    return steps;
  }

  /** The server ends the dialogue: 421 and close (RFC 5321 §3.8). An open question needs no answer any more. */
  end(status: TransientStatus, text: string): Step[] {
    if (this.#phase === 'closed') return [];
    this.#open = undefined;
    const steps: Step[] = [];
    // In a handshake nobody could read a reply.
    if (this.#phase !== 'handshake') steps.push(say.plain(reply(421, status, text)));
    this.#close(steps, text);
    return steps;
  }

  /** Goes through what has arrived until a question is open or there is nothing left. */
  #work(steps: Step[]): void {
    if (!this.#greeted) return;
    while (this.#open === undefined) {
      if (this.inBody) {
        if (this.#splitter.size === 0) break;
        this.#receiveBody(this.#splitter.rest(), steps);
      } else if (this.#phase !== 'commands') return;
      else {
        const before = this.#splitter.size;
        const next = this.#splitter.next();
        this.#tally.heard(before - this.#splitter.size);
        if (next === undefined) break;
        if (this.#auth.exchanging) this.#carryOut(this.#auth.respond(next), steps);
        else this.#command(commandOf(next, this.#splitter.length, this.#options.commandLine), steps);
      }
    }
    if (this.#inputEnded && this.#open === undefined && this.#phase !== 'closed')
      this.#close(steps, 'client left');
  }

  #command(command: Command, steps: Step[]): void {
    const { verb } = command;
    const refusal = this.#gate.refusalOf(verb) ?? this.#transaction.outOfOrder(verb, this);
    // The octets of a refused chunk follow it all the same.
    if (refusal !== undefined && verb !== 'BDAT') this.#refuse(steps, refusal);
    else if (this.#tally.saidTooMuch && this.user === undefined)
      this.#enough(steps, 'Too much was sent without authentication');
    else if (command.verb === 'BDAT') this.#bdat(command, refusal, steps);
    else this.#serve(command, steps);
  }

  #serve(command: Command, steps: Step[]): void {
    switch (command.verb) {
      case 'MAIL':
        this.#mail(command.argument, steps);
        return;
      case 'RCPT':
        this.#rcpt(command.argument, steps);
        return;
      case 'DATA':
        this.#phase = 'body';
        this.#transaction.body = new SessionBody(this.#options, false);
        steps.push(say.START_MAIL_INPUT);
        return;
      case 'EHLO':
      case 'HELO':
      case 'LHLO':
        this.#hello(command, steps);
        return;
      case 'RSET':
      case 'NOOP':
        if (command.verb === 'RSET') this.#endTransaction(steps);
        this.#withoutMail(steps, say.OK);
        return;
      case 'VRFY':
        if (this.#options.vrfy === 'off') this.#refuse(steps, say.NOT_IMPLEMENTED);
        else this.#withoutMail(steps, say.CANNOT_VRFY);
        return;
      case 'HELP':
        this.#withoutMail(steps, helpReply(this.#options, this.#onOffer));
        return;
      case 'QUIT':
        steps.push(say.closingReply(this.#options.hostname));
        this.#close(steps, 'quit');
        return;
      case 'STARTTLS':
        this.#startTls(steps);
        return;
      case 'XCLIENT':
      case 'XFORWARD':
        this.#claim(command, steps);
        return;
      case 'AUTH':
        this.#carryOut(
          this.#auth.begin(command, this.#gate.secure, this.esmtp, this.#transaction.open),
          steps,
        );
        return;
      default:
        this.#refuse(steps, say.refusalOfCommand(command));
        return;
    }
  }

  #hello({ verb, domain }: HelloCommand, steps: Step[]): void {
    // RFC 2033 §4.1: LHLO takes the place of both.
    if ((verb === 'LHLO') !== this.lmtp) {
      this.#refuse(steps, say.UNKNOWN_COMMAND);
      return;
    }
    this.#endTransaction(steps); // RFC 5321 §4.1.4: EHLO clears the state as RSET does
    this.helo = domain;
    this.esmtp = verb !== 'HELO';
    this.#withoutMail(steps, helloReply(this.#options, this.esmtp, this.#onOffer));
  }

  get #onOffer(): OnOffer {
    return { startTls: this.#gate.tls === 'offered', auth: this.#auth.offered(this.#gate.secure) };
  }

  #mail(argument: string, steps: Step[]): void {
    const auth = this.#auth.parameter(this.#gate.secure);
    const mail = this.#auth.missing
      ? { refusal: say.AUTH_REQUIRED }
      : readMail(argument, this.esmtp, this.#options, auth);
    if ('refusal' in mail) this.#refuse(steps, mail.refusal);
    else if (this.#tally.begins()) this.#enough(steps, 'Too many messages in one session');
    else {
      this.#transaction.expect(mail.parameters);
      this.#ask({ hook: 'on-mail-from', ...mail }, steps);
    }
  }

  #rcpt(argument: string, steps: Step[]): void {
    const rcpt = readRcpt(argument, this.esmtp, this.#transaction.smtputf8);
    if ('refusal' in rcpt) this.#refuse(steps, rcpt.refusal);
    // No bad command: RFC 5321 §4.5.3.1.10 has the client send the rest in another transaction.
    else if (this.#transaction.accepted >= this.#options.recipients) steps.push(say.TOO_MANY_RECIPIENTS);
    else this.#ask({ hook: 'on-rcpt', ...rcpt }, steps);
  }

  #bdat(command: BdatCommand, refusal: Step | undefined, steps: Step[]): void {
    const begun = this.#transaction.beginChunk(command, refusal, steps);
    if (!begun) this.#close(steps, 'a chunk too large to wait for');
    else if (command.size === 0) this.#endChunk(steps);
  }

  #receiveBody(bytes: Uint8Array, steps: Step[]): void {
    const { body, chunks } = this.#transaction;
    const end = body === undefined ? chunks.receive(bytes, steps) : body.receive(bytes, steps);
    this.#tally.heard(end === -1 ? bytes.length : end);
    if (end === -1) return;
    if (end < bytes.length) this.#splitter.push(bytes.subarray(end));
    if (body === undefined) this.#endChunk(steps);
    else {
      this.#phase = 'commands';
      this.#endMessage(body.size, body.refusal, steps);
    }
  }

  /** All octets of the chunk have come: only now it is answered (RFC 3030 §2). */
  #endChunk(steps: Step[]): void {
    const { size, last, refusal, messageSize } = this.#transaction.chunks.end(this.#transaction.open);
    if (refusal?.outOfOrder) this.#refuse(steps, refusal.step);
    else if (refusal === undefined ? last : refusal.ends) this.#endMessage(messageSize, refusal?.step, steps);
    else repeat(refusal?.step ?? say.chunkOk(size), last ? this.#transaction.replies : 1, steps);
  }

  #endMessage(size: number, refusal: Step | undefined, steps: Step[]): void {
    if (refusal === undefined) this.#ask({ hook: 'on-data', size }, steps);
    else {
      repeat(refusal, this.#transaction.replies, steps);
      this.#endTransaction(steps);
    }
  }

  #carryOut(step: AuthStep, steps: Step[]): void {
    if (step.do === 'ask') this.#ask({ hook: null, login: step.login }, steps);
    else if (step.do === 'disconnect') this.#enough(steps, step.text);
    else if (step.refused) this.#refuse(steps, step);
    else steps.push(step);
    if (this.#auth.exhausted) this.#enough(steps, 'Too many authentication failures');
  }

  /** A trusted client speaks for another one. After XCLIENT the dialogue is where the banner is. */
  #claim(command: ClaimCommand, steps: Step[]): void {
    const claim = readClaim(command, this.#options.xclient, this.#transaction.open);
    if ('refusal' in claim) this.#refuse(steps, claim.refusal);
    else if ('client' in claim) {
      this.helo = claim.client.helo ?? undefined;
      this.esmtp = this.lmtp || claim.client.protocol === 'ESMTP';
      this.#auth.assume(claim.client);
      steps.push({ do: 'client-is', client: claim.client });
      this.#ask({ hook: 'on-connect' }, steps);
    } else {
      steps.push({ do: 'forwarded', forwarded: claim.forwarded });
      this.#withoutMail(steps, say.OK);
    }
  }

  #startTls(steps: Step[]): void {
    if (this.#splitter.size > 0) {
      // Bytes behind the command were sent before the client had our answer: an injection, or a broken client.
      steps.push(say.AFTER_STARTTLS);
      this.#close(steps, 'plaintext after STARTTLS');
      return;
    }
    this.#endTransaction(steps);
    steps.push(say.READY_FOR_TLS, START_TLS);
    this.#phase = 'handshake';
  }

  #apply(question: HookQuestion, answer: Answer | EachAnswer, steps: Step[]): void {
    if (answer.kind === 'disconnect') {
      steps.push(say.plain(reply(421, '4.7.0', answer.text)));
      this.#close(steps, answer.text);
      return;
    }
    if (question.hook === 'on-data' || answer.kind === 'each') {
      if (endReplies(answer, this.#transaction.replies, steps)) this.#tally.accepted();
      this.#endTransaction(steps);
      return;
    }
    if (question.hook === 'on-connect') {
      steps.push(this.#gate.closed ?? bannerReply(answer, this.#options));
      if (answer.kind === 'reject') this.#gate.close(say.ONLY_QUIT);
      else if (answer.kind === 'defer') this.#close(steps, answer.text);
    } else if (answer.kind === 'accept') steps.push(this.#transaction.accept(question.hook));
    else this.#withoutMail(steps, say.vetoReply(answer));
  }

  #ask(question: Question, steps: Step[]): Step[] {
    this.#open = question;
    steps.push({ do: 'ask', question });
    return steps;
  }

  #refuse(steps: Step[], step: Step): void {
    steps.push(step);
    if (this.#tally.refused()) this.#enough(steps, 'Too many bad commands');
  }

  /** The command was well-formed and is answered, but mail it did not bring. */
  #withoutMail(steps: Step[], step: Step): void {
    steps.push(step);
    if (this.#tally.broughtNoMail()) this.#enough(steps, 'Too many commands without mail');
  }

  /** A limit of the session is reached (RFC 5321 §4.3.2 and §7.8). */
  #enough(steps: Step[], text: string): void {
    if (this.#phase === 'closed') return;
    steps.push(say.plain(reply(421, '4.7.0', text)));
    this.#close(steps, text.toLowerCase());
  }

  #endTransaction(steps: Step[]): void {
    if (!this.#transaction.open) return;
    this.#transaction.reset();
    steps.push(RESET);
  }

  #close(steps: Step[], why: string): void {
    this.#phase = 'closed';
    this.#transaction.chunks.reset();
    this.#splitter.clear();
    steps.push({ do: 'close', why });
  }
}
