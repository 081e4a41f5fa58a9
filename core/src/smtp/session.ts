// SmtpSession: the server's side of an SMTP dialogue as a value machine. Bytes and answers go in, steps come out;
// however the bytes are cut, the steps are the same. It knows no socket, clock, promise, plugin or logger:
// reception/connection.ts drives it.

import { type Command, parseCommand } from './command.ts';
import { ehloKeywords } from './extensions.ts';
import { LineSplitter } from './line-splitter.ts';
import { reply } from './reply.ts';
import { SessionBody } from './session-body.ts';
import { readMail, readRcpt } from './session-envelope.ts';
import { SessionGate } from './session-gate.ts';
import {
  AFTER_STARTTLS,
  bannerReply,
  closingReply,
  LACK_OF_SECURITY,
  LINE_FAULTS,
  MAIL_FIRST,
  NESTED_MAIL,
  NO_VALID_RECIPIENTS,
  NOT_IMPLEMENTED,
  ONLY_QUIT,
  plain,
  READY_FOR_TLS,
  RECIPIENT_OK,
  refusalOf,
  SAY_HELLO_FIRST,
  SENDER_OK,
  START_MAIL_INPUT,
  TOO_MANY_RECIPIENTS,
  UNKNOWN_COMMAND,
  vetoReply,
  WITHOUT_MAIL,
} from './session-replies.ts';
import type { Answer, Question, SessionOptions, Step } from './session-steps.ts';
import { SessionTally } from './session-tally.ts';
import type { TransientStatus } from './status.ts';

export type { Answer, Question, SessionOptions, Step };

const ASK_CONNECT: Step = { do: 'ask', question: { hook: 'on-connect' } };
const RESET: Step = { do: 'reset' };
const START_TLS: Step = { do: 'start-tls' };

export class SmtpSession {
  /** What the client called itself in its last EHLO or HELO. Untrusted. */
  helo: string | undefined;
  /** The last greeting was EHLO. */
  esmtp = false;
  /** The client sent something before the banner. */
  earlyTalker = false;

  readonly #options: SessionOptions;
  readonly #splitter: LineSplitter;
  readonly #gate: SessionGate;
  #phase: 'commands' | 'body' | 'handshake' | 'closed' = 'commands';
  #open: Question | undefined;
  #inputEnded = false;
  #greeted = false;
  readonly #tally: SessionTally;

  #inTransaction = false;
  #smtputf8 = false;
  #accepted = 0;
  #body: SessionBody | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#gate = new SessionGate(options);
    this.#splitter = new LineSplitter({ maxLine: options.commandLine });
    this.#tally = new SessionTally(options);
  }

  /** Whether a question is open. What is received meanwhile waits inside. */
  get waiting(): boolean {
    return this.#open !== undefined;
  }

  /** Whether a message is coming in. */
  get inBody(): boolean {
    return this.#phase === 'body';
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
    if (!this.#greeted) {
      // RFC 5321 §3.1: the server speaks first.
      this.earlyTalker = true;
      this.#splitter.push(bytes);
      return steps;
    }
    const goesOn = this.#phase === 'body' && this.#open === undefined && this.#splitter.size === 0;
    if (goesOn) this.#receiveBody(bytes, steps);
    else this.#splitter.push(bytes);
    this.#work(steps);
    return steps;
  }

  /** The answer to the one open question. */
  answer(answer: Answer): Step[] {
    const question = this.#open;
    const steps: Step[] = [];
    if (question === undefined || this.#phase === 'closed') return steps;
    this.#open = undefined;
    this.#greeted = true;
    this.#apply(question, answer, steps);
    this.#work(steps);
    return steps;
  }

  /** TLS is up, and the client is not who may be served: it hears so at each command (RFC 3207 §4.1). */
  distrust(): void {
    this.#gate.close(LACK_OF_SECURITY);
  }

  /** TLS is up: everything heard before it is forgotten, the greeting included (RFC 3207 §4.2). */
  secured(): Step[] {
    this.#splitter.clear();
    this.#gate.tls = 'active';
    this.#phase = 'commands';
    this.helo = undefined;
    this.esmtp = false;
    this.#resetTransaction();
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
    if (this.#phase !== 'handshake') steps.push(plain(reply(421, status, text)));
    this.#close(steps, text);
    return steps;
  }

  /** Goes through what has arrived until a question is open or there is nothing left. */
  #work(steps: Step[]): void {
    if (!this.#greeted) return;
    while (this.#open === undefined) {
      if (this.#phase === 'body') {
        if (this.#splitter.size === 0) break;
        this.#receiveBody(this.#splitter.rest(), steps);
      } else if (this.#phase === 'commands') {
        const before = this.#splitter.size;
        const next = this.#splitter.next();
        this.#tally.heard(before - this.#splitter.size);
        if (next === undefined) break;
        if ('fault' in next) this.#refuse(steps, LINE_FAULTS[next.fault]);
        else this.#command(parseCommand(next.line), steps);
      } else {
        return;
      }
    }
    if (this.#inputEnded && this.#open === undefined && this.#phase !== 'closed')
      this.#close(steps, 'client left');
  }

  #command(command: Command, steps: Step[]): void {
    const closed = this.#gate.refusalOf(command.verb);
    if (closed !== undefined) {
      this.#refuse(steps, closed);
      return;
    }
    if (this.#tally.saidTooMuch) {
      this.#enough(steps, 'Too much was sent without authentication');
      return;
    }
    switch (command.verb) {
      case 'MAIL':
        this.#mail(command.argument, steps);
        return;
      case 'RCPT':
        this.#rcpt(command.argument, steps);
        return;
      case 'DATA':
        this.#data(steps);
        return;
      case 'EHLO':
      case 'HELO':
        this.#hello(command.verb === 'EHLO', command.domain, steps);
        return;
      case 'RSET':
      case 'NOOP':
      case 'VRFY':
      case 'HELP':
        if (command.verb === 'RSET') this.#endTransaction(steps);
        this.#withoutMail(steps, WITHOUT_MAIL[command.verb]);
        return;
      case 'QUIT':
        steps.push(closingReply(this.#options.hostname));
        this.#close(steps, 'quit');
        return;
      case 'STARTTLS':
        this.#startTls(steps);
        return;
      case 'EXPN':
      case 'BDAT':
      case 'AUTH':
        this.#refuse(steps, NOT_IMPLEMENTED);
        return;
      case 'fault':
        this.#refuse(steps, refusalOf(command.fault));
        return;
      default:
        this.#refuse(steps, UNKNOWN_COMMAND);
        return;
    }
  }

  #hello(esmtp: boolean, domain: string, steps: Step[]): void {
    this.#endTransaction(steps); // RFC 5321 §4.1.4: EHLO clears the state as RSET does
    this.helo = domain;
    this.esmtp = esmtp;
    const { hostname, messageSize } = this.#options;
    const keywords = esmtp ? ehloKeywords({ messageSize, startTls: this.#gate.tls === 'offered' }) : [];
    this.#withoutMail(steps, plain(reply(250, undefined, hostname, ...keywords)));
  }

  #mail(argument: string, steps: Step[]): void {
    if (this.helo === undefined || this.#inTransaction) {
      this.#refuse(steps, this.#inTransaction ? NESTED_MAIL : SAY_HELLO_FIRST);
      return;
    }
    const mail = readMail(argument, this.esmtp, this.#options.messageSize);
    if ('refusal' in mail) {
      this.#refuse(steps, mail.refusal);
      return;
    }
    if (this.#tally.begins()) {
      this.#enough(steps, 'Too many messages in one session');
      return;
    }
    const { sender, parameters } = mail;
    this.#smtputf8 = parameters.smtputf8 === true;
    this.#ask({ hook: 'on-mail-from', sender, parameters }, steps);
  }

  #rcpt(argument: string, steps: Step[]): void {
    if (!this.#inTransaction) {
      this.#refuse(steps, this.#outOfOrder);
      return;
    }
    const rcpt = readRcpt(argument, this.esmtp, this.#smtputf8);
    if ('refusal' in rcpt) {
      this.#refuse(steps, rcpt.refusal);
      return;
    }
    if (this.#accepted >= this.#options.recipients) {
      // No bad command: RFC 5321 §4.5.3.1.10 has the client send the rest in another transaction.
      steps.push(TOO_MANY_RECIPIENTS);
      return;
    }
    this.#ask({ hook: 'on-rcpt', ...rcpt }, steps);
  }

  #data(steps: Step[]): void {
    if (!this.#inTransaction || this.#accepted === 0) {
      this.#refuse(steps, this.#inTransaction ? NO_VALID_RECIPIENTS : this.#outOfOrder);
      return;
    }
    this.#phase = 'body';
    this.#body = new SessionBody(this.#options);
    steps.push(START_MAIL_INPUT);
  }

  #receiveBody(bytes: Uint8Array, steps: Step[]): void {
    const body = this.#body as SessionBody;
    const end = body.receive(bytes, steps);
    this.#tally.heard(end === -1 ? bytes.length : end);
    if (end === -1) return;
    this.#phase = 'commands';
    if (end < bytes.length) this.#splitter.push(bytes.subarray(end));
    const { refusal, size } = body;
    if (refusal === undefined) {
      this.#ask({ hook: 'on-data', size }, steps);
      return;
    }
    steps.push(refusal);
    this.#endTransaction(steps);
  }

  #startTls(steps: Step[]): void {
    if (this.#splitter.size > 0) {
      // Bytes behind the command were sent before the client had our answer: an injection, or a broken client.
      steps.push(AFTER_STARTTLS);
      this.#close(steps, 'plaintext after STARTTLS');
      return;
    }
    this.#endTransaction(steps);
    steps.push(READY_FOR_TLS, START_TLS);
    this.#phase = 'handshake';
  }

  #apply(question: Question, answer: Answer, steps: Step[]): void {
    if (answer.kind === 'disconnect') {
      steps.push(plain(reply(421, '4.7.0', answer.text)));
      this.#close(steps, answer.text);
      return;
    }
    switch (question.hook) {
      case 'on-connect':
        steps.push(this.#gate.closed ?? bannerReply(answer, this.#options.hostname));
        if (answer.kind === 'reject') this.#gate.close(ONLY_QUIT);
        else if (answer.kind === 'defer') this.#close(steps, answer.text);
        return;
      case 'on-mail-from':
        if (answer.kind === 'accept') {
          this.#inTransaction = true;
          steps.push(SENDER_OK);
        } else this.#withoutMail(steps, vetoReply(answer));
        return;
      case 'on-rcpt':
        if (answer.kind === 'accept') {
          this.#accepted += 1;
          steps.push(RECIPIENT_OK);
        } else this.#withoutMail(steps, vetoReply(answer));
        return;
      case 'on-data':
        if (answer.kind === 'accept') {
          this.#tally.accepted();
          steps.push(plain(reply(250, '2.0.0', answer.text ?? 'Ok')));
        } else steps.push(vetoReply(answer));
        this.#endTransaction(steps);
    }
  }

  #ask(question: Question, steps: Step[]): Step[] {
    this.#open = question;
    steps.push(question.hook === 'on-connect' ? ASK_CONNECT : { do: 'ask', question });
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
    steps.push(plain(reply(421, '4.7.0', text)));
    this.#close(steps, text.toLowerCase());
  }

  get #outOfOrder(): Step {
    return this.helo === undefined ? SAY_HELLO_FIRST : MAIL_FIRST;
  }

  #endTransaction(steps: Step[]): void {
    if (!this.#inTransaction) return;
    this.#resetTransaction();
    steps.push(RESET);
  }

  #resetTransaction(): void {
    this.#inTransaction = false;
    this.#smtputf8 = false;
    this.#accepted = 0;
    this.#body = undefined;
  }

  #close(steps: Step[], why: string): void {
    this.#phase = 'closed';
    this.#splitter.clear();
    steps.push({ do: 'close', why });
  }
}
