// What is said to one milter in one session, in the order of the protocol. Whatever it has missed (it was down, or is not
// asked from the beginning) is told it first: each stage sees to those before.

import type {
  ConnectAsked,
  DataAsked,
  Mailbox,
  MailFromAsked,
  RcptAsked,
  RcptParameters,
  WritableNotes,
} from '@posthouse/core';
import { unmapped } from '@posthouse/core';
import type { Change, Word } from './answer.ts';
import { mailArguments, rcptArguments } from './envelope.ts';
import { clientName } from './macros.ts';
import type { MilterMessage } from './message.ts';
import type { Milter } from './milter.ts';
import { frame, LEADING_SPACE, MAY_SKIP, Nonsense, string, UNWANTED } from './protocol.ts';
import { type ConversationServices, MilterTalk } from './talk.ts';
import { MilterWire } from './wire.ts';

/** What came of a whole message. */
export interface MessageResult {
  readonly word: Word;
  /** Recipients that it refuses, where it heard of them only now. */
  readonly refused: ReadonlyMap<Mailbox, Word>;
  readonly changes: readonly Change[];
}

interface Transaction {
  /** Those of the message: they tell one transaction from the next. */
  readonly notes: WritableNotes;
  mailTold: boolean;
  readonly recipients: Set<string>;
  /** It has decided, or its end was told: nothing more is said of this message. */
  over: boolean;
  /** It wants the message taken and thrown away. */
  discards: boolean;
}

const CONTINUE: Word = { kind: 'continue' };
export class Conversation {
  readonly milter: Milter;
  readonly #services: ConversationServices;
  #wire: MilterWire | undefined;
  /** Once terms are agreed upon. */
  #talk: MilterTalk | undefined;
  #helo: string | undefined;
  #transaction: Transaction | undefined;
  /** It has decided on the connection. */
  #over = false;

  constructor(milter: Milter, services: ConversationServices) {
    this.milter = milter;
    this.#services = services;
  }

  /** It has nothing more to say of the connection, or of this message. */
  isOver({ notes }: ConnectAsked): boolean {
    return this.#over || (this.#transaction?.notes === notes && this.#transaction.over);
  }

  /** It wants this message taken and thrown away. */
  discards({ notes }: ConnectAsked): boolean {
    return this.#transaction?.notes === notes && this.#transaction.discards;
  }

  connect(asked: ConnectAsked): Promise<Word> {
    return this.#within('connectTimeout', asked, () => this.#greet(asked));
  }

  mail(asked: MailFromAsked): Promise<Word> {
    return this.#within('commandTimeout', asked, () => this.#mail(asked));
  }

  rcpt(asked: RcptAsked): Promise<Word> {
    return this.#within('commandTimeout', asked, async () => {
      const word = await this.#mail(asked);
      if (word.kind !== 'continue' || this.isOver(asked)) return word;
      return this.#rcpt(asked, asked.recipient, asked.rcptParameters);
    });
  }

  /** The whole message. Whatever comes of it, the transaction is over. */
  message(asked: DataAsked, message: MilterMessage, maxBody: number): Promise<MessageResult> {
    return this.#within('contentTimeout', asked, async () => {
      const refused = new Map<Mailbox, Word>();
      const changes: Change[] = [];
      const early = await this.#envelope(asked, refused);
      const allRefused = refused.size === asked.recipients.length;
      const word =
        early.kind !== 'continue' || allRefused || this.isOver(asked)
          ? early
          : await this.#content(asked, message, changes, maxBody);
      const transaction = this.#transaction as Transaction;
      // Of a message that it has refused, or that nobody gets, it hears the end as libmilter wants it: by abort.
      if (allRefused && !transaction.over) this.#abort();
      transaction.over = true;
      return { word: transaction.discards ? { kind: 'discard' } : word, refused, changes };
    });
  }

  /** The session is at its end. */
  close(): void {
    const wire = this.#wire;
    if (wire?.isOpen !== true) return;
    if (this.#talk === undefined) wire.fail(new Error('the session has ended'));
    else {
      try {
        this.#abort();
        wire.quit();
      } catch (error) {
        wire.fail(error as Error);
      }
    }
  }

  /** At once. */
  destroy(): void {
    this.#wire?.fail(new Error('the plugin has stopped'));
  }

  async #within<T>(
    time: 'connectTimeout' | 'commandTimeout' | 'contentTimeout',
    asked: ConnectAsked,
    work: () => Promise<T>,
  ): Promise<T> {
    const { config } = this.#services;
    let limit = config[time];
    if (this.#wire?.isOpen !== true) {
      if (time === 'commandTimeout') limit += config.connectTimeout;
      this.#open();
    }
    return (this.#wire as MilterWire).within(limit, asked.signal, work);
  }

  #open(): void {
    const { milter } = this;
    const { clock, config } = this.#services;
    if (milter.connections >= config.connections)
      throw new Error(`${milter.connections} connections are open`);
    milter.connections += 1;
    const wire = new MilterWire(milter.place, clock);
    void wire.closed.then(() => {
      milter.connections -= 1;
    });
    this.#wire = wire;
    this.#talk = undefined;
    this.#helo = undefined;
    if (this.#transaction !== undefined) {
      this.#transaction.mailTold = false;
      this.#transaction.recipients.clear();
    }
  }

  /** Who the client is. */
  async #greet(asked: ConnectAsked): Promise<Word> {
    if (this.#talk !== undefined) return CONTINUE;
    const talk = await MilterTalk.begin(this.#wire as MilterWire, this.milter, this.#services);
    this.#talk = talk;
    const { remoteAddress, remotePort } = asked.session;
    const address = unmapped(remoteAddress);
    const port = Buffer.alloc(2);
    port.writeUInt16BE(remotePort);
    const family = address.includes(':') ? '6' : '4';
    const word = await talk.tell('connect', 'connect', asked, [
      string(clientName(asked)),
      family,
      port,
      string(address),
    ]);
    if (word.kind === 'discard') throw new Nonsense('a discard before there is a message');
    if (word.kind !== 'continue') this.#over = true;
    return word;
  }

  async #mail(asked: MailFromAsked): Promise<Word> {
    const greeted = await this.#greet(asked);
    if (this.#over) return greeted;
    const talk = this.#talk as MilterTalk;
    const { helo } = asked.session;
    if (this.#transaction?.notes !== asked.notes) {
      this.#abort();
      this.#transaction = {
        notes: asked.notes,
        mailTold: false,
        recipients: new Set(),
        over: false,
        discards: false,
      };
    }
    if (helo !== undefined && helo !== this.#helo) {
      this.#helo = helo;
      const word = await talk.tell('helo', 'helo', asked, [string(helo)]);
      if (word.kind === 'discard') throw new Nonsense('a discard before there is a message');
      if (word.kind !== 'continue') {
        this.#over = true;
        return word;
      }
    }
    const transaction = this.#transaction;
    if (transaction.mailTold) return CONTINUE;
    transaction.mailTold = true;
    const word = await talk.tell('mail', 'mail', asked, [mailArguments(asked.sender, asked.parameters)]);
    return this.#ofMessage(word);
  }

  async #rcpt(asked: MailFromAsked, recipient: Mailbox, parameters: RcptParameters): Promise<Word> {
    const talk = this.#talk as MilterTalk;
    const written = rcptArguments(recipient, parameters);
    (this.#transaction as Transaction).recipients.add(recipient.toString());
    const word = await talk.tell('rcpt', 'rcpt', asked, [written], recipient);
    // A refusal is of this recipient alone; what is said in its favour is said of the message.
    return word.kind === 'accept' || word.kind === 'discard' ? this.#ofMessage(word) : word;
  }

  /** The envelope, as far as it has not been told. */
  async #envelope(asked: DataAsked, refused: Map<Mailbox, Word>): Promise<Word> {
    const word = await this.#mail(asked);
    if (word.kind !== 'continue') return word;
    for (const recipient of asked.recipients) {
      if (this.isOver(asked)) return CONTINUE;
      if ((this.#transaction as Transaction).recipients.has(recipient.toString())) continue;
      const each = await this.#rcpt(asked, recipient, {});
      if (each.kind === 'shutdown') return each;
      if (each.kind === 'reject' || each.kind === 'defer' || each.kind === 'reply')
        refused.set(recipient, each);
    }
    return CONTINUE;
  }

  async #content(
    asked: DataAsked,
    message: MilterMessage,
    changes: Change[],
    maxBody: number,
  ): Promise<Word> {
    const talk = this.#talk as MilterTalk;
    const { steps, version } = talk.terms;
    // Older ones know no DATA.
    if (version >= 4) {
      const word = await talk.tell('data', 'data', asked, []);
      if (word.kind !== 'continue') return word;
    }
    if ((steps & UNWANTED.header) === 0) {
      for (const { name, octets } of message.fields((steps & LEADING_SPACE) !== 0)) {
        const word = await talk.tell('header', undefined, asked, [
          `${name}\0${octets.replaceAll('\0', '')}\0`,
        ]);
        if (word.kind !== 'continue') return word;
      }
    }
    const word = await talk.tell('eoh', 'eoh', asked, []);
    if (word.kind !== 'continue') return word;
    if ((steps & UNWANTED.body) === 0) {
      for await (const chunk of message.body()) {
        const answer = await talk.tell('body', undefined, asked, [chunk]);
        if (answer.kind === 'skip' && (steps & MAY_SKIP) !== 0) break;
        if (answer.kind !== 'continue') return answer;
      }
    }
    return talk.end(asked, changes, maxBody);
  }

  #ofMessage(word: Word): Word {
    const transaction = this.#transaction as Transaction;
    if (word.kind === 'continue') return word;
    transaction.over = true;
    if (word.kind !== 'discard') return word;
    transaction.discards = true;
    return CONTINUE;
  }

  /** What it has been told of a message comes to nothing. */
  #abort(): void {
    const transaction = this.#transaction;
    if (transaction?.mailTold !== true || transaction.over || this.#talk === undefined) return;
    transaction.over = true;
    void this.#wire?.send(frame('abort'))?.catch(() => {});
  }
}
