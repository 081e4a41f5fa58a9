// SmtpSession: the server's side of an SMTP dialogue as a value machine. Bytes and answers go in, steps come out;
// however the bytes are cut, the steps are the same. It knows no socket, clock, promise, plugin or logger:
// reception/connection.ts drives it.

import { type Mailbox, parseForwardPath, parseReversePath, type ReversePath } from './address.ts';
import { type Command, parseCommand } from './command.ts';
import { DotDecoder } from './dot-stuffing.ts';
import { EHLO_SUPPORT, ehloKeywords, HELO_SUPPORT } from './extensions.ts';
import { type BodyPolicy, bodyFault, LineEndNormaliser } from './line-ends.ts';
import { LineSplitter } from './line-splitter.ts';
import {
  type MailParameters,
  parseMailParameters,
  parseRcptParameters,
  type RcptParameters,
} from './parameters.ts';
import { type Fault, faultReply, type Reply, reply } from './reply.ts';
import type { PermanentStatus, TransientStatus } from './status.ts';

export interface SessionOptions {
  /** Our name, in the banner and in the EHLO reply. */
  readonly hostname: string;
  readonly messageSize: number;
  readonly recipients: number;
  readonly commandLine: number;
  readonly badCommands: number;
  /** What happens to a message whose lines do not all end in CRLF. */
  readonly body: BodyPolicy;
  /** `offered`: STARTTLS may be used. `active`: TLS was up before the first byte (RFC 8314). */
  readonly tls: 'none' | 'offered' | 'active';
}

/** What only plugins can decide. Exactly one question is open at a time; `answer` closes it. */
export type Question =
  | { readonly hook: 'on-connect' }
  | { readonly hook: 'on-mail-from'; readonly sender: ReversePath; readonly parameters: MailParameters }
  | { readonly hook: 'on-rcpt'; readonly recipient: Mailbox; readonly parameters: RcptParameters }
  /** The message is complete: everything of it was in `body` steps. An accept promises that it is durable. */
  | { readonly hook: 'on-data'; readonly size: number };

export type Answer =
  | { readonly kind: 'accept'; readonly text?: string }
  | {
      readonly kind: 'reject';
      readonly status: PermanentStatus;
      readonly text: string;
      readonly code?: number;
    }
  | {
      readonly kind: 'defer';
      readonly status: TransientStatus;
      readonly text: string;
      readonly code?: number;
    }
  | { readonly kind: 'disconnect'; readonly text: string };

export type Step =
  | {
      readonly do: 'reply';
      readonly reply: Reply;
      /** The protocol or a limit refused, not an answer. */
      readonly refused: boolean;
    }
  | { readonly do: 'ask'; readonly question: Question }
  /** Octets of the message, dot-stuffing removed. */
  | { readonly do: 'body'; readonly bytes: Uint8Array }
  /** The message will be refused whatever still comes: what was kept of it can go. */
  | { readonly do: 'drop-body' }
  /** The transaction is over without a message: RSET, EHLO, a refused message, or after `on-data` was answered. */
  | { readonly do: 'reset' }
  /** The reply is out; the handshake comes next, then `secured`. No byte heard before it counts. */
  | { readonly do: 'start-tls' }
  | { readonly do: 'close'; readonly why: string };

const ASK_CONNECT: Step = { do: 'ask', question: { hook: 'on-connect' } };
const DROP_BODY: Step = { do: 'drop-body' };
const RESET: Step = { do: 'reset' };
const START_TLS: Step = { do: 'start-tls' };

const SENDER_OK = plain(reply(250, '2.1.0', 'Sender ok'));
const RECIPIENT_OK = plain(reply(250, '2.1.5', 'Recipient ok'));
const START_MAIL_INPUT = plain(reply(354, undefined, 'Start mail input; end with <CRLF>.<CRLF>'));
const OK = plain(reply(250, '2.0.0', 'Ok'));
const READY_FOR_TLS = plain(reply(220, '2.0.0', 'Ready to start TLS'));
// RFC 5321 §7.3: a server need not tell who exists, and says so with 252.
const CANNOT_VRFY = plain(reply(252, '2.5.0', 'Cannot verify; send the message and see'));
const HELP = plain(reply(214, '2.0.0', 'EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT', 'See RFC 5321'));

const SAY_HELLO_FIRST = refusal(503, '5.5.1', 'Say EHLO first');
const MAIL_FIRST = refusal(503, '5.5.1', 'MAIL comes first');
const NESTED_MAIL = refusal(503, '5.5.1', 'A transaction is already open');
const NO_VALID_RECIPIENTS = refusal(554, '5.5.1', 'No valid recipients'); // RFC 5321 §3.3
const TOO_MANY_RECIPIENTS = refusal(452, '4.5.3', 'Too many recipients'); // RFC 5321 §4.5.3.1.10
const TOO_LARGE = refusal(552, '5.3.4', 'Message exceeds the size limit'); // RFC 1870 §6
const UNKNOWN_COMMAND = refusal(500, '5.5.1', 'Command not recognised');
const NOT_IMPLEMENTED = refusal(502, '5.5.1', 'Command not implemented');
const TLS_ACTIVE = refusal(503, '5.5.1', 'TLS is already active');
const AFTER_STARTTLS = refusal(501, '5.5.4', 'Nothing may follow STARTTLS before the handshake'); // RFC 3207 §4
const ONLY_QUIT = refusal(503, '5.5.1', 'No service here; send QUIT'); // RFC 5321 §3.1

const LINE_FAULTS = {
  'too-long': refusal(500, '5.5.2', 'Line too long'), // RFC 5321 §4.5.3.1.4
  'bare-lf': refusal(500, '5.5.2', 'A line ends in CR LF, never in LF alone'),
  'bare-cr': refusal(500, '5.5.2', 'CR outside of CR LF'),
  nul: refusal(500, '5.5.2', 'NUL in a command'),
  'not-utf8': refusal(500, '5.5.2', 'Not UTF-8'),
} as const;

export class SmtpSession {
  /** What the client called itself in its last EHLO or HELO. Untrusted. */
  helo: string | undefined;
  /** The last greeting was EHLO. */
  esmtp = false;

  readonly #options: SessionOptions;
  readonly #splitter: LineSplitter;
  #tls: 'none' | 'offered' | 'active';
  #phase: 'commands' | 'body' | 'handshake' | 'refused' | 'closed' = 'commands';
  #open: Question | undefined;
  #inputEnded = false;
  #badCommands = 0;

  #inTransaction = false;
  #smtputf8 = false;
  #accepted = 0;
  #decoder: DotDecoder | undefined;
  #normaliser: LineEndNormaliser | undefined;
  #bodySize = 0;
  #bodyDropped = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#tls = options.tls;
    this.#splitter = new LineSplitter({ maxLine: options.commandLine });
  }

  /** Whether a question is open. What is received meanwhile waits inside. */
  get waiting(): boolean {
    return this.#open !== undefined;
  }

  /** Whether a message is coming in. */
  get inBody(): boolean {
    return this.#phase === 'body';
  }

  /** Octets that wait for an answer. The driver stops reading long before this matters. */
  get buffered(): number {
    return this.#splitter.size;
  }

  /** The first question. Call it once, before anything else. */
  begin(): Step[] {
    return this.#ask({ hook: 'on-connect' }, []);
  }

  /** Whatever has arrived. The bytes must not be changed afterwards. */
  receive(bytes: Uint8Array): Step[] {
    const steps: Step[] = [];
    if (this.#phase === 'closed' || this.#phase === 'handshake') return steps;
    if (this.#phase === 'body' && this.#open === undefined && this.#splitter.size === 0) {
      this.#receiveBody(bytes, steps);
    } else {
      this.#splitter.push(bytes);
    }
    this.#work(steps);
    return steps;
  }

  /** The answer to the one open question. */
  answer(answer: Answer): Step[] {
    const question = this.#open;
    const steps: Step[] = [];
    if (question === undefined || this.#phase === 'closed') return steps;
    this.#open = undefined;
    this.#apply(question, answer, steps);
    this.#work(steps);
    return steps;
  }

  /** TLS is up: everything heard before it is forgotten, the greeting included (RFC 3207 §4.2). */
  secured(): Step[] {
    this.#splitter.clear();
    this.#tls = 'active';
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
    while (this.#open === undefined) {
      if (this.#phase === 'body') {
        if (this.#splitter.size === 0) break;
        this.#receiveBody(this.#splitter.rest(), steps);
      } else if (this.#phase === 'commands' || this.#phase === 'refused') {
        const next = this.#splitter.next();
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
    if (this.#phase === 'refused' && command.verb !== 'QUIT') return this.#refuse(steps, ONLY_QUIT);
    switch (command.verb) {
      case 'MAIL':
        return this.#mail(command.argument, steps);
      case 'RCPT':
        return this.#rcpt(command.argument, steps);
      case 'DATA':
        return this.#data(steps);
      case 'EHLO':
      case 'HELO':
        return this.#hello(command.verb === 'EHLO', command.domain, steps);
      case 'RSET':
        this.#endTransaction(steps);
        steps.push(OK);
        return;
      case 'NOOP':
        steps.push(OK);
        return;
      case 'QUIT':
        steps.push(plain(reply(221, '2.0.0', `${this.#options.hostname} closing the connection`)));
        return this.#close(steps, 'quit');
      case 'VRFY':
        steps.push(CANNOT_VRFY);
        return;
      case 'HELP':
        steps.push(HELP);
        return;
      case 'STARTTLS':
        return this.#startTls(steps);
      case 'EXPN':
      case 'BDAT':
      case 'AUTH':
        return this.#refuse(steps, NOT_IMPLEMENTED);
      case 'fault':
        return this.#fault(command.fault, steps);
      default:
        return this.#refuse(steps, UNKNOWN_COMMAND);
    }
  }

  #hello(esmtp: boolean, domain: string, steps: Step[]): void {
    this.#endTransaction(steps); // RFC 5321 §4.1.4: EHLO clears the state as RSET does
    this.helo = domain;
    this.esmtp = esmtp;
    const { hostname, messageSize } = this.#options;
    const keywords = esmtp ? ehloKeywords({ messageSize, startTls: this.#tls === 'offered' }) : [];
    steps.push(plain(reply(250, undefined, hostname, ...keywords)));
  }

  #mail(argument: string, steps: Step[]): void {
    if (this.helo === undefined) return this.#refuse(steps, SAY_HELLO_FIRST);
    if (this.#inTransaction) return this.#refuse(steps, NESTED_MAIL);
    // SMTPUTF8 stands behind the address that it allows, so the path is read leniently and judged afterwards.
    const parsed = parseReversePath(argument, { smtputf8: true });
    if ('fault' in parsed) return this.#fault(parsed.fault, steps);
    const result = parseMailParameters(parsed.rest, this.esmtp ? EHLO_SUPPORT : HELO_SUPPORT);
    if ('fault' in result) return this.#fault(result.fault, steps);
    const { parameters } = result;
    const smtputf8 = parameters.smtputf8 === true;
    if (!smtputf8 && parsed.path !== null && !parsed.path.isAscii) {
      const strict = parseReversePath(argument, { smtputf8: false });
      if ('fault' in strict) return this.#fault(strict.fault, steps);
    }
    if (parameters.size !== undefined && parameters.size > this.#options.messageSize) {
      return this.#refuse(steps, TOO_LARGE);
    }
    this.#smtputf8 = smtputf8;
    this.#ask({ hook: 'on-mail-from', sender: parsed.path, parameters }, steps);
  }

  #rcpt(argument: string, steps: Step[]): void {
    if (!this.#inTransaction)
      return this.#refuse(steps, this.helo === undefined ? SAY_HELLO_FIRST : MAIL_FIRST);
    const parsed = parseForwardPath(argument, { smtputf8: this.#smtputf8 });
    if ('fault' in parsed) return this.#fault(parsed.fault, steps);
    const result = parseRcptParameters(parsed.rest, this.esmtp ? EHLO_SUPPORT : HELO_SUPPORT);
    if ('fault' in result) return this.#fault(result.fault, steps);
    if (this.#accepted >= this.#options.recipients) {
      steps.push(TOO_MANY_RECIPIENTS);
      return;
    }
    this.#ask({ hook: 'on-rcpt', recipient: parsed.path as Mailbox, parameters: result.parameters }, steps);
  }

  #data(steps: Step[]): void {
    if (!this.#inTransaction)
      return this.#refuse(steps, this.helo === undefined ? SAY_HELLO_FIRST : MAIL_FIRST);
    if (this.#accepted === 0) return this.#refuse(steps, NO_VALID_RECIPIENTS);
    this.#phase = 'body';
    this.#decoder = new DotDecoder();
    const { bareLf, bareCr } = this.#options.body;
    if (bareLf === 'normalise' || bareCr === 'normalise') this.#normaliser = new LineEndNormaliser();
    steps.push(START_MAIL_INPUT);
  }

  #receiveBody(bytes: Uint8Array, steps: Step[]): void {
    const decoder = this.#decoder as DotDecoder;
    const received = decoder.receive(bytes);
    const { end } = received;
    const body = this.#normaliser === undefined ? received.body : this.#normaliser.receive(received.body);
    this.#bodySize += body.length;
    // Which of two faults is named must not depend on how the body was cut: it is judged anew at the end.
    const refusal = this.#bodyRefusal(decoder);
    if (refusal !== undefined && !this.#bodyDropped) {
      this.#bodyDropped = true;
      steps.push(DROP_BODY);
    }
    if (refusal === undefined && body.length > 0) steps.push({ do: 'body', bytes: body });
    if (end === -1) return;
    this.#phase = 'commands';
    if (end < bytes.length) this.#splitter.push(bytes.subarray(end));
    if (refusal === undefined) {
      this.#ask({ hook: 'on-data', size: this.#bodySize }, steps);
      return;
    }
    steps.push(refusal);
    this.#endTransaction(steps);
  }

  #bodyRefusal(decoder: DotDecoder): Step | undefined {
    if (this.#bodySize > this.#options.messageSize) return TOO_LARGE;
    const fault = bodyFault(decoder.found, this.#options.body);
    return fault && { do: 'reply', reply: faultReply(fault), refused: true };
  }

  #startTls(steps: Step[]): void {
    if (this.#tls === 'active') return this.#refuse(steps, TLS_ACTIVE);
    if (this.#tls === 'none') return this.#refuse(steps, NOT_IMPLEMENTED);
    if (this.#splitter.size > 0) {
      // Bytes behind the command were sent before the client had our answer: an injection, or a broken client.
      steps.push(AFTER_STARTTLS);
      return this.#close(steps, 'plaintext after STARTTLS');
    }
    this.#endTransaction(steps);
    steps.push(READY_FOR_TLS, START_TLS);
    this.#phase = 'handshake';
  }

  #apply(question: Question, answer: Answer, steps: Step[]): void {
    if (answer.kind === 'disconnect') {
      steps.push(plain(reply(421, '4.7.0', answer.text)));
      return this.#close(steps, answer.text);
    }
    switch (question.hook) {
      case 'on-connect':
        if (answer.kind === 'accept') {
          steps.push(plain(reply(220, undefined, `${this.#options.hostname} ESMTP Posthouse`)));
        } else {
          // RFC 5321 §3.1: 554 instead of the banner, then only QUIT gets more than 503.
          steps.push(
            plain(reply(answer.code ?? (answer.kind === 'reject' ? 554 : 421), answer.status, answer.text)),
          );
          if (answer.kind === 'reject') this.#phase = 'refused';
          else this.#close(steps, answer.text);
        }
        return;
      case 'on-mail-from':
        if (answer.kind === 'accept') {
          this.#inTransaction = true;
          steps.push(SENDER_OK);
        } else steps.push(vetoReply(answer));
        return;
      case 'on-rcpt':
        if (answer.kind === 'accept') {
          this.#accepted += 1;
          steps.push(RECIPIENT_OK);
        } else steps.push(vetoReply(answer));
        return;
      case 'on-data':
        if (answer.kind === 'accept') {
          // Whoever brings good mail has a long life: one bad address in a hundred is no attack.
          this.#badCommands = 0;
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

  #fault(fault: Fault, steps: Step[]): void {
    this.#refuse(steps, { do: 'reply', reply: faultReply(fault), refused: true });
  }

  #refuse(steps: Step[], step: Step): void {
    steps.push(step);
    this.#badCommands += 1;
    if (this.#badCommands > this.#options.badCommands) {
      steps.push(plain(reply(421, '4.7.0', 'Too many bad commands')));
      this.#close(steps, 'too many bad commands');
    }
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
    this.#decoder = undefined;
    this.#normaliser = undefined;
    this.#bodySize = 0;
    this.#bodyDropped = false;
  }

  #close(steps: Step[], why: string): void {
    this.#phase = 'closed';
    this.#splitter.clear();
    steps.push({ do: 'close', why });
  }
}

function plain(of: Reply): Step {
  return { do: 'reply', reply: of, refused: false };
}

function refusal(code: number, status: PermanentStatus | TransientStatus, text: string): Step {
  return { do: 'reply', reply: reply(code, status, text), refused: true };
}

function vetoReply(answer: Extract<Answer, { kind: 'reject' | 'defer' }>): Step {
  return plain(reply(answer.code ?? defaultCode(answer.status), answer.status, answer.text));
}

/** The reply code that RFC 5321 §4.2.3 pairs with a status where the plugin names none. */
function defaultCode(status: PermanentStatus | TransientStatus): number {
  if (status.startsWith('5.')) {
    if (status === '5.3.4' || status === '5.2.3') return 552;
    if (status.startsWith('5.6.')) return 554;
    return 550;
  }
  if (status === '4.3.1' || status === '4.5.3' || status === '4.2.2') return 452;
  return status.startsWith('4.2.') ? 450 : 451;
}
