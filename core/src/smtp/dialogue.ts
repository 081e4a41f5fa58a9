// SmtpDialogue: the client's side of an SMTP dialogue as a value machine, the counterpart of SmtpSession.
// Bytes and wishes go in, steps come out; however the bytes are cut, the steps are the same. It knows no socket,
// clock or promise: a transport drives it, sends what it says and keeps the time-outs of RFC 5321 §4.5.3.2.
// With LMTP (RFC 2033) it says LHLO, and hears one reply for each accepted recipient at the end of data.

import { authCommand, sendsInitial, takeAuthReply } from './dialogue-auth.ts';
import type { Awaited, DialogueStep } from './dialogue-steps.ts';
import { commandsFor, type Envelope, type EnvelopeCommands } from './envelope.ts';
import { NO_OFFER, type Offer, readOffer } from './offer.ts';
import type { Reply } from './reply.ts';
import { ReplyParser, withoutBulk } from './reply-parser.ts';
import type { SaslClient } from './sasl-client.ts';
import { type RecipientResult, TransactionOutcome } from './transaction-outcome.ts';

interface Transaction {
  readonly commands: EnvelopeCommands;
  readonly outcome: TransactionOutcome;
  /** The driver is sending the message. */
  sending: boolean;
}

type Phase = 'new' | 'busy' | 'handshake' | 'ready' | 'closed';

const LF = 10;
const CLOSED: DialogueStep = { do: 'closed' };
const SEND_BODY: DialogueStep = { do: 'send-body' };
const START_TLS: DialogueStep = { do: 'start-tls' };

/** Challenges of one AUTH: the longest exchange that we know has two. */
const MAX_CHALLENGES = 8;

export class SmtpDialogue {
  /** Whole replies that have come, for whoever measures the time that one takes. */
  replies = 0;
  readonly #hostname: string;
  readonly #lmtp: boolean;
  #parser = new ReplyParser();
  #phase: Phase = 'new';
  /** The replies that are due, the next one first. */
  #awaited: Awaited[] = [];
  #offer: Offer = NO_OFFER;
  #transaction: Transaction | undefined;
  #sasl: SaslClient | undefined;
  /** The client's first words are out. */
  #saslBegun = false;
  #challenges = 0;
  /** The last transaction was left open: RSET must come first. */
  #unfinished = false;

  /** @param hostname our name or address literal, for EHLO or LHLO. */
  constructor(hostname: string, protocol: 'smtp' | 'lmtp' = 'smtp') {
    if (!/^[!-~]+$/.test(hostname)) throw new TypeError(`not a name for EHLO: ${JSON.stringify(hostname)}`);
    this.#hostname = hostname;
    this.#lmtp = protocol === 'lmtp';
  }

  /** The reply that is due next, for the choice of a time-out; undefined when none is. */
  get awaiting(): Awaited | undefined {
    return this.#awaited[0];
  }

  get isReady(): boolean {
    return this.#phase === 'ready';
  }

  /** The connection is up: the greeting is due. */
  begin(): DialogueStep[] {
    this.#must('new');
    this.#phase = 'busy';
    this.#awaited = ['greeting'];
    return [];
  }

  receive(bytes: Uint8Array): DialogueStep[] {
    const steps: DialogueStep[] = [];
    let from = 0;
    while (from < bytes.length && this.#phase !== 'closed') {
      if (this.#phase === 'handshake') {
        // What stands in clear behind the 220 may have been put there by anybody, and must not be heard later.
        this.#fault(steps, 'octets in clear after the reply to STARTTLS');
        break;
      }
      // Line by line where the next reply may end the clear text.
      const to = this.#awaited[0] === 'starttls' ? bytes.indexOf(LF, from) + 1 || bytes.length : bytes.length;
      for (const result of this.#parser.receive(bytes.subarray(from, to))) {
        if ('fault' in result) this.#fault(steps, result.fault);
        else this.#take(result, steps);
        if (this.#isClosed()) break;
      }
      from = to;
    }
    return steps;
  }

  /** Asks for TLS. Only when ready and STARTTLS is offered. */
  startTls(): DialogueStep[] {
    this.#must('ready');
    if (!this.#offer.startTls) throw new Error('STARTTLS is not offered');
    this.#phase = 'busy';
    this.#awaited = ['starttls'];
    return [send('STARTTLS\r\n')];
  }

  /** Logs in (RFC 4954). Only when ready, before any transaction, with a mechanism that is offered. */
  authenticate(client: SaslClient): DialogueStep[] {
    this.#must('ready');
    this.#phase = 'busy';
    this.#awaited = ['auth'];
    this.#sasl = client;
    this.#saslBegun = sendsInitial(client);
    this.#challenges = 0;
    return [send(authCommand(client))];
  }

  /** The handshake is done. RFC 3207 §4.2: what was heard before is forgotten, and EHLO is said again. */
  secured(): DialogueStep[] {
    this.#must('handshake');
    this.#parser = new ReplyParser();
    this.#offer = NO_OFFER;
    this.#phase = 'busy';
    return [this.#hello(this.#firstHello())];
  }

  /** Begins a transaction. Only when ready; one at a time. */
  send(envelope: Envelope): DialogueStep[] {
    this.#must('ready');
    const commands = commandsFor(envelope, this.#offer);
    if ('refusal' in commands) {
      const result: RecipientResult = { during: 'local', reply: commands.refusal };
      return [{ do: 'result', recipients: envelope.recipients.map(() => result) }];
    }
    this.#phase = 'busy';
    const outcome = new TransactionOutcome(commands.rcpts.length);
    this.#transaction = { commands, outcome, sending: false };
    const reset = this.#unfinished;
    this.#unfinished = false;
    if (!this.#offer.pipelining) {
      this.#awaited.push(reset ? 'rset' : 'mail');
      return [send(reset ? 'RSET\r\n' : commands.mail)];
    }
    // RFC 2920 §3.1: RSET, MAIL and RCPT anywhere in a group of commands, DATA as its last.
    if (reset) this.#awaited.push('rset');
    this.#awaited.push('mail');
    let text = reset ? `RSET\r\n${commands.mail}` : commands.mail;
    for (const rcpt of commands.rcpts) {
      text += rcpt;
      this.#awaited.push('rcpt');
    }
    // A chunk follows without waiting for leave, so it waits for the replies to RCPT.
    if (commands.bdat !== undefined) return [send(text)];
    this.#awaited.push('data');
    return [send(`${text}DATA\r\n`)];
  }

  /** The end of data has been written: from now on a lost connection leaves the fate of the message unknown. */
  bodySent(): DialogueStep[] {
    if (this.#transaction !== undefined) this.#transaction.sending = false;
    return [];
  }

  quit(): DialogueStep[] {
    this.#must('ready');
    this.#phase = 'busy';
    this.#awaited = ['quit'];
    return [send('QUIT\r\n')];
  }

  /** The connection has ended, or the driver gives it up. Recipients without a reply keep none. */
  ended(text: string): DialogueStep[] {
    const steps: DialogueStep[] = [];
    if (this.#phase === 'closed') return steps;
    if (this.#awaited[0] === 'quit') {
      this.#phase = 'closed';
      steps.push(CLOSED);
    } else this.#fault(steps, text);
    return steps;
  }

  #must(phase: Phase): void {
    if (this.#phase !== phase) throw new Error(`the dialogue is ${this.#phase}, not ${phase}`);
  }

  #isClosed(): boolean {
    return this.#phase === 'closed';
  }

  #firstHello(): 'ehlo' | 'lhlo' {
    return this.#lmtp ? 'lhlo' : 'ehlo';
  }

  #hello(word: 'ehlo' | 'helo' | 'lhlo'): DialogueStep {
    this.#awaited.push(word);
    return send(`${word.toUpperCase()} ${this.#hostname}\r\n`);
  }

  #take(whole: Reply, steps: DialogueStep[]): void {
    this.replies += 1;
    const due = this.#awaited[0];
    // Each recipient keeps one; what EHLO offers is read in full.
    const said = this.#transaction === undefined ? whole : withoutBulk(whole);
    // RFC 5321 §3.8: 421 may answer anything, or nothing.
    if (said.code === 421 && due !== 'quit') this.#refused(said, steps);
    else if (due === undefined) this.#fault(steps, `a reply to nothing: ${said.code}`);
    else if (this.#transaction?.sending) this.#takeEarly(said, this.#transaction, steps);
    else {
      this.#awaited.shift();
      if (this.#transaction !== undefined) this.#takeInTransaction(due, said, this.#transaction, steps);
      else this.#takeOutside(due, said, steps);
    }
  }

  /** Replies to what is said before, between and after transactions. */
  #takeOutside(due: Awaited, said: Reply, steps: DialogueStep[]): void {
    const good = said.code < 300;
    if (due === 'quit') {
      this.#phase = 'closed';
      steps.push(CLOSED);
    } else if (due === 'starttls') this.#takeStartTls(said, steps);
    else if (due === 'auth') this.#takeAuth(said, this.#sasl as SaslClient, steps);
    else if (due === 'greeting' && good) steps.push(this.#hello(this.#firstHello()));
    else if ((due === 'ehlo' || due === 'lhlo') && good) this.#ready(readOffer(said), steps);
    else if (due === 'helo' && good) this.#ready(NO_OFFER, steps);
    // RFC 5321 §3.2: a server that does not know EHLO is spoken to in the old way.
    else if (due === 'ehlo' && said.code >= 500 && said.code !== 521) steps.push(this.#hello('helo'));
    else this.#refusedWithQuit(due, said, steps);
  }

  #takeStartTls(said: Reply, steps: DialogueStep[]): void {
    if (said.code === 220) {
      this.#phase = 'handshake';
      steps.push(START_TLS);
    } else if (said.code < 400) this.#fault(steps, `${said.code} to STARTTLS`, 'starttls');
    else {
      this.#phase = 'ready';
      steps.push({ do: 'tls-refused', reply: said });
    }
  }

  #takeAuth(said: Reply, client: SaslClient, steps: DialogueStep[]): void {
    const next = takeAuthReply(said, client, this.#saslBegun);
    this.#saslBegun = true;
    if ('fault' in next) this.#fault(steps, next.fault, 'auth');
    else if ('text' in next && ++this.#challenges > MAX_CHALLENGES)
      this.#fault(steps, `${client.mechanism} comes to no end`, 'auth');
    else if ('text' in next) this.#command('auth', next.text, steps);
    else {
      this.#sasl = undefined;
      this.#phase = 'ready';
      steps.push(next.step);
    }
  }

  #takeInTransaction(due: Awaited, said: Reply, transaction: Transaction, steps: DialogueStep[]): void {
    const expected = due === 'data' ? 3 : 2;
    const group = Math.trunc(said.code / 100);
    const good = group === expected;
    if (!good && (group < 4 || due === 'rset')) {
      this.#fault(steps, `${said.code} to ${due.toUpperCase()}`, due);
      return;
    }
    if (due === 'data') this.#takeData(said, good, transaction, steps);
    else if (due === 'message') {
      if (this.#lmtp) transaction.outcome.decideNext({ during: 'message', reply: said });
      else transaction.outcome.decideRest({ during: 'message', reply: said });
      if (this.#awaited.length > 0) return;
      // RFC 5321 §4.1.1.4: whatever the reply, the transaction is over; not so with BDAT (RFC 3030 §2).
      this.#unfinished = transaction.commands.bdat !== undefined && !good;
      this.#finish(transaction, steps);
    } else {
      if (due === 'mail') this.#unfinished = good;
      if (due === 'mail' && !good) transaction.outcome.decideRest({ during: 'mail', reply: said });
      if (due === 'rcpt') transaction.outcome.takeRcpt(said, good);
      if (this.#awaited.length === 0) this.#next(due, transaction, steps);
    }
  }

  /** Without PIPELINING, and before a chunk: the command that follows. */
  #next(after: Awaited, transaction: Transaction, steps: DialogueStep[]): void {
    const { commands, outcome } = transaction;
    const mailRefused = after === 'mail' && !this.#unfinished;
    if (after === 'rset') this.#command('mail', commands.mail, steps);
    else if (!mailRefused && outcome.next < commands.rcpts.length)
      this.#command('rcpt', commands.rcpts[outcome.next] as string, steps);
    else if (outcome.accepted > 0 && commands.bdat !== undefined)
      this.#sendMessage(transaction, { do: 'send-octets', command: commands.bdat }, steps);
    else if (outcome.accepted > 0) this.#command('data', 'DATA\r\n', steps);
    else this.#finish(transaction, steps);
  }

  #command(awaited: Awaited, text: string, steps: DialogueStep[]): void {
    this.#awaited.push(awaited);
    steps.push(send(text));
  }

  #takeData(said: Reply, good: boolean, transaction: Transaction, steps: DialogueStep[]): void {
    if (!good) {
      transaction.outcome.decideRest({ during: 'data', reply: said });
      this.#finish(transaction, steps);
    } else if (transaction.outcome.accepted > 0) {
      this.#sendMessage(transaction, SEND_BODY, steps);
    }
    // RFC 2033 §4.2: DATA must have failed; an empty message would get as many replies as recipients, which is none.
    else if (this.#lmtp) this.#fault(steps, `${said.code} to DATA without a recipient`, 'data');
    // RFC 2920 §3.1: DATA was accepted although no recipient was, so an empty message ends it.
    else this.#command('message', '.\r\n', steps);
  }

  #sendMessage(transaction: Transaction, step: DialogueStep, steps: DialogueStep[]): void {
    // RFC 2033 §4.2: one reply for each recipient that was accepted, in their order.
    for (let due = this.#lmtp ? transaction.outcome.accepted : 1; due > 0; due--)
      this.#awaited.push('message');
    transaction.sending = true;
    steps.push(step);
  }

  /** A reply while the message is still being sent: a refusal is believed, but the dialogue cannot go on. */
  #takeEarly(said: Reply, transaction: Transaction, steps: DialogueStep[]): void {
    const result: RecipientResult = { during: 'message', reply: said };
    if (said.code >= 400 && this.#lmtp) transaction.outcome.decideNext(result);
    else if (said.code >= 400) transaction.outcome.decideRest(result);
    this.#fault(steps, `${said.code} before the end of the message`);
  }

  #ready(offer: Offer, steps: DialogueStep[]): void {
    this.#offer = offer;
    this.#phase = 'ready';
    steps.push({ do: 'ready', offer });
  }

  #finish(transaction: Transaction, steps: DialogueStep[]): void {
    this.#phase = 'ready';
    this.#result(transaction, steps);
  }

  #result(transaction: Transaction, steps: DialogueStep[]): void {
    this.#transaction = undefined;
    steps.push({ do: 'result', recipients: transaction.outcome.results() });
  }

  #refusedWithQuit(during: Awaited, said: Reply, steps: DialogueStep[]): void {
    this.#phase = 'closed';
    // RFC 5321 §3.1: after a 554 greeting too the client says QUIT.
    steps.push(send('QUIT\r\n'), { do: 'refused', during, reply: said });
  }

  #refused(said: Reply, steps: DialogueStep[]): void {
    const during = this.#awaited[0] ?? 'idle';
    const transaction = this.#transaction;
    this.#phase = 'closed';
    if (transaction !== undefined) {
      transaction.outcome.decideRest({ during: duringTransaction(during), reply: said });
      this.#result(transaction, steps);
    }
    steps.push({ do: 'refused', during, reply: said });
  }

  #fault(steps: DialogueStep[], text: string, during: Awaited | 'idle' = this.#awaited[0] ?? 'idle'): void {
    const transaction = this.#transaction;
    this.#phase = 'closed';
    if (transaction !== undefined) {
      // Until the end of data is out the next hop cannot have the message.
      transaction.outcome.decideRest({
        during: transaction.sending ? 'data' : duringTransaction(during),
        reply: undefined,
      });
      this.#result(transaction, steps);
    }
    steps.push({ do: 'fault', during, text });
  }
}

function duringTransaction(during: Awaited | 'idle'): RecipientResult['during'] {
  return during === 'rcpt' || during === 'data' || during === 'message' ? during : 'mail';
}

function send(text: string): DialogueStep {
  return { do: 'send', text };
}
