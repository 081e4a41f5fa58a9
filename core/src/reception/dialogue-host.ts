// Answers the questions of a session: asks the hooks, submits the message, keeps the open transaction.
// It knows nothing of sockets; connection.ts moves its bytes.

import { LoginDesk, type LoginServices } from '../authentication/index.ts';
import {
  type Clock,
  type EventSink,
  type Priority,
  type Recipient,
  type SessionHook,
  Verdict,
} from '../contract/index.ts';
import {
  Asking,
  ConnectCall,
  DataCall,
  EditList,
  type HookQuestion,
  type ListenerPlan,
  MailFromCall,
  NoteBook,
  type PlannedHandler,
  RcptCall,
  type Ruling,
  silence,
} from '../hooks/index.ts';
import type { IncomingMessage, Intake } from '../intake/index.ts';
import type { Answer, EachAnswer, LoginAnswer, Question } from '../smtp/index.ts';
import type { SessionFacts } from './session-facts.ts';
import { OpenTransaction } from './transaction.ts';

export interface HostServices {
  readonly plan: ListenerPlan;
  readonly rejectAt: 'at-once' | 'rcpt';
  readonly earlyTalker: 'ignore' | 'reject';
  readonly protocol: 'smtp' | 'lmtp';
  readonly priority: Priority;
  readonly intake: Intake;
  readonly clock: Clock;
  readonly events: EventSink;
  /** undefined on a listener without AUTH. */
  readonly login: LoginServices | undefined;
}

type Answered = Answer | Promise<Answer>;
type DataAnswered = Answer | Promise<Answer | EachAnswer>;

export class DialogueHost {
  /** Messages that got their 250. */
  messages = 0;
  readonly #facts: SessionFacts;
  readonly #plan: ListenerPlan;
  readonly #services: HostServices;
  #notes = new NoteBook();
  #desk: LoginDesk | undefined;
  #transaction: OpenTransaction | undefined;
  #asking: { cancel(): void } | undefined;
  /** A veto of on-connect or on-mail-from that is held back until RCPT (`rejectAt: rcpt`). */
  #heldConnect: Ruling | undefined;
  #heldMailFrom: Ruling | undefined;
  #gone = false;

  constructor(facts: SessionFacts, services: HostServices) {
    this.#facts = facts;
    this.#plan = services.plan;
    this.#services = services;
  }

  /** When the open transaction began. */
  get transactionStartedAt(): number | undefined {
    return this.#transaction?.startedAt;
  }

  /** The answer, at once where every handler answers at once. Never rejects. */
  answer(question: Question): DataAnswered | Promise<LoginAnswer> {
    switch (question.hook) {
      case null:
        this.#desk ??= new LoginDesk(this.#facts, this.#services.login as LoginServices);
        return this.#desk.answer(question.login);
      case 'on-connect':
        return this.#connect();
      case 'on-mail-from':
        return this.#mailFrom(question);
      case 'on-rcpt':
        return this.#rcpt(question);
      case 'on-data':
        return this.#data();
    }
  }

  /** Octets of the message. A promise means: read no more until it resolves. */
  body(bytes: Uint8Array): Promise<void> | undefined {
    return this.#incoming()?.write(bytes);
  }

  dropBody(): void {
    const transaction = this.#transaction;
    if (transaction === undefined) return;
    transaction.discard();
    transaction.dropped = true;
  }

  /** Another client speaks from now on: what was noted and held back of the one before does not count. */
  restart(): void {
    this.reset();
    this.#notes = new NoteBook();
    this.#heldConnect = undefined;
  }

  /** The transaction is over. */
  reset(): void {
    this.#transaction?.discard();
    this.#transaction = undefined;
    this.#heldMailFrom = undefined;
  }

  /** The connection is gone: nobody waits for an answer. A commit that is under way goes on. */
  leave(): void {
    this.#gone = true;
    this.#asking?.cancel();
    this.#desk?.cancel();
    this.reset();
  }

  #connect(): Answered {
    const facts = this.#facts;
    if (this.#isUnwelcome) return SPOKE_FIRST;
    const ruling = this.#ask('on-connect', {
      call: ({ log }) => new ConnectCall(facts, this.#notes, log),
    });
    return whenReady(ruling, (ready) => {
      if (this.#isUnwelcome) return SPOKE_FIRST;
      if (!this.#holdsBack(ready)) return answerOf(ready);
      this.#heldConnect = ready;
      return Verdict.accept();
    });
  }

  #mailFrom(question: Extract<Question, { hook: 'on-mail-from' }>): Answered {
    const { sender, parameters } = question;
    if (this.#services.intake.isBusy) return this.#replyBusy(sender === null ? '' : sender.toString());
    const transaction = new OpenTransaction(
      sender,
      parameters,
      new NoteBook(this.#notes),
      this.#services.clock.now(),
    );
    this.#heldMailFrom = undefined;
    const ruling = this.#ask('on-mail-from', {
      sender: sender === null ? '' : sender,
      call: ({ log }) => new MailFromCall(this.#facts, transaction, log),
    });
    return whenReady(ruling, (ready) => {
      const held = this.#holdsBack(ready);
      if (held) this.#heldMailFrom = ready;
      if (!held && ready.verdict.kind !== 'accept') return answerOf(ready);
      this.#transaction = transaction;
      return Verdict.accept();
    });
  }

  #rcpt(question: Extract<Question, { hook: 'on-rcpt' }>): Answered {
    const transaction = this.#transaction as OpenTransaction;
    const { recipient, parameters } = question;
    const held = this.#heldConnect ?? this.#heldMailFrom;
    // An authenticated client is known: what was held against a stranger's address or name does not count.
    if (held !== undefined && this.#facts.user === undefined)
      return this.#replyHeld(held, recipient.toString());
    const rcpt = { recipient, parameters, accepted: transaction.accepted };
    const ruling = this.#ask('on-rcpt', {
      sender: transaction.sender === null ? '' : transaction.sender,
      recipient,
      call: ({ log }, claimed) => new RcptCall(this.#facts, transaction, log, rcpt, claimed),
    });
    return whenReady(ruling, (ready) => {
      if (ready.verdict.kind !== 'accept') return answerOf(ready);
      transaction.recipients.push({ address: recipient, parameters });
      transaction.accepted.push(recipient);
      return Verdict.accept();
    });
  }

  #data(): DataAnswered {
    const transaction = this.#transaction as OpenTransaction;
    const message = this.#incoming() as IncomingMessage;
    const finishing = message.finish();
    return finishing === undefined
      ? this.#judge(transaction, message)
      : finishing.then(() => this.#judge(transaction, message));
  }

  #judge(transaction: OpenTransaction, message: IncomingMessage): DataAnswered {
    if (message.refusal !== undefined) {
      message.discard();
      return message.refusal;
    }
    if (message.failure !== undefined) {
      message.discard();
      return this.#services.intake.failureOf(message, this.#facts.id);
    }
    if (this.#plan['on-data'].length === 0)
      return this.#submit(transaction, message, DEFAULT_DATA, undefined);
    const recipients = transaction.accepted;
    const data = { recipients, message };
    const asking = this.#newAsking('on-data', {
      sender: transaction.sender === null ? '' : transaction.sender,
      recipients,
      call: (planned) =>
        // An observer's edits are heard and forgotten.
        new DataCall(
          this.#facts,
          transaction,
          planned.log,
          data,
          planned.mode === 'enforce' ? transaction.edits.by(planned) : new EditList(),
        ),
    });
    return whenReady(asking.run(), (ruling) => {
      this.#asking = undefined;
      return this.#submit(transaction, message, ruling, asking.perRecipient);
    });
  }

  async #submit(
    transaction: OpenTransaction,
    message: IncomingMessage,
    ruling: Ruling,
    perRecipient: Asking<'on-data'>['perRecipient'],
  ): Promise<Answer | EachAnswer> {
    if (this.#gone) {
      message.discard();
      return Verdict.disconnect('the client has left');
    }
    // From here on the message is the intake's: a reset of the transaction must not take it away.
    transaction.message = undefined;
    const answer = await this.#services.intake.submit({
      message,
      sender: transaction.sender,
      parameters: transaction.parameters,
      recipients: transaction.recipients as readonly Recipient[],
      origin: this.#facts.origin(),
      tls: this.#facts.tls,
      notes: transaction.notes,
      ruling,
      perRecipient,
      answersEach: this.#services.protocol === 'lmtp',
      edits: transaction.edits.all,
      priority: this.#services.priority,
    });
    if (
      answer.kind === 'each' ? answer.answers.some(({ kind }) => kind === 'accept') : answer.kind === 'accept'
    )
      this.messages += 1;
    return answer;
  }

  #incoming(): IncomingMessage | undefined {
    const transaction = this.#transaction;
    if (transaction === undefined || transaction.dropped) return undefined;
    transaction.message ??= this.#services.intake.begin();
    return transaction.message;
  }

  #ask<H extends SessionHook>(hook: H, about: About<H>): Ruling | Promise<Ruling> {
    // No handler, no cost. The default is announced only where somebody listens for it.
    if (
      this.#plan[hook].length === 0 &&
      !this.#services.events.wants('verdict-given', silence[hook].kind === 'accept')
    )
      return DEFAULTS[hook];
    const ruling = this.#newAsking(hook, about).run();
    return ruling instanceof Promise
      ? ruling.then((ready) => {
          this.#asking = undefined;
          return ready;
        })
      : ruling;
  }

  #newAsking<H extends SessionHook>(hook: H, about: About<H>): Asking<H> {
    const question: HookQuestion<H> = { hook, session: this.#facts.id, ...about };
    const handlers = this.#plan[hook] as readonly PlannedHandler<H>[];
    const asking = new Asking(handlers, question, this.#services.clock, this.#services.events);
    this.#asking = asking;
    return asking;
  }

  /** The client did not wait for the banner, and is not to have one. */
  get #isUnwelcome(): boolean {
    return this.#facts.earlyTalker && this.#services.earlyTalker === 'reject';
  }

  #holdsBack({ verdict }: Ruling): boolean {
    return this.#services.rejectAt === 'rcpt' && (verdict.kind === 'reject' || verdict.kind === 'defer');
  }

  #replyBusy(sender: string): Answer {
    this.#services.events.emit('verdict-given', {
      session: this.#facts.id,
      hook: 'on-mail-from',
      plugin: null,
      verdict: BUSY.kind,
      reason: BUSY_REASON,
      applied: true,
      milliseconds: 0,
      sender,
    });
    return BUSY;
  }

  #replyHeld(held: Ruling, recipient: string): Answer {
    const { verdict, plugin } = held;
    this.#services.events.emit('verdict-given', {
      session: this.#facts.id,
      hook: 'on-rcpt',
      plugin,
      verdict: verdict.kind,
      ...(verdict.reason !== undefined && { reason: verdict.reason }),
      applied: true,
      milliseconds: 0,
      recipient,
    });
    return answerOf(held);
  }
}

type About<H extends SessionHook> = Omit<HookQuestion<H>, 'hook' | 'session'>;

const DEFAULTS: { readonly [H in SessionHook]: Ruling } = {
  'on-connect': { verdict: silence['on-connect'], plugin: null },
  'on-mail-from': { verdict: silence['on-mail-from'], plugin: null },
  'on-rcpt': { verdict: silence['on-rcpt'], plugin: null },
  'on-data': { verdict: silence['on-data'], plugin: null },
};
/** RFC 5321 §3.1: the server speaks first. */
const SPOKE_FIRST = Verdict.reject('5.5.1', 'You spoke before the banner', { code: 554 });
const BUSY_REASON = 'busy';
/** RFC 3463 §3.4: the system accepts no mail at the moment; RFC 5321 §4.2.5: the client will come again. */
const BUSY = Verdict.defer('4.3.2', 'Too much mail waits to be stored, please try again later', {
  reason: BUSY_REASON,
});
const DEFAULT_DATA = DEFAULTS['on-data'];

/** For the hooks before on-data: discard and quarantine are no answers there, and the pipeline has seen to it. */
function answerOf({ verdict }: Ruling): Answer {
  return verdict as Answer;
}

function whenReady<T, R>(value: T | Promise<T>, then: (ready: T) => R): R | Promise<Awaited<R>> {
  return value instanceof Promise ? (value.then(then) as Promise<Awaited<R>>) : then(value);
}
