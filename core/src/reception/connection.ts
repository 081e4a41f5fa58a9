// Drives one session over one socket: bytes in, steps out, one write for each burst of replies.
// Backpressure is here: a slow store, an open question or a client that does not read stops the reading.

import type { Socket } from 'node:net';
import { channelBinding } from '../authentication/index.ts';
import {
  type Answer,
  type ClientAttributes,
  type EachAnswer,
  formatReply,
  type LoginAnswer,
  type Reply,
  SmtpSession,
  type Step,
} from '../smtp/index.ts';
import { authOptions } from './auth-options.ts';
import type { ConnectionContext } from './connection-context.ts';
import { DialogueHost } from './dialogue-host.ts';
import { introduction } from './introduction.ts';
import { Patience } from './patience.ts';
import { type ListenerTls, secureSocket, tlsFacts } from './secure-socket.ts';
import { type ConnectionFacts, SessionFacts } from './session-facts.ts';
import { sessionOptions } from './session-options.ts';

/** Unanswered input above which the socket is not read: what one read can bring. */
const MAX_WAITING_INPUT = 65_536;

/** Milliseconds that a client has to take the last reply. */
const CLOSING_TIME = 10_000;

/** Whoever made the connection, and counts it. */
export interface ConnectionOwner {
  /** XCLIENT: the client has another address. What to tell it where that address has too many connections. */
  moved(connection: Connection, address: string): string | undefined;
  closed(connection: Connection): void;
}

export class Connection {
  readonly facts: SessionFacts;
  /** The address that it is counted by; its owner's to change. */
  admittedAs: string;
  readonly #context: ConnectionContext;
  readonly #session: SmtpSession;
  readonly #host: DialogueHost;
  readonly #owner: ConnectionOwner;
  #socket: Socket;
  #out = '';
  #flushing: NodeJS.Immediate | undefined;
  readonly #patience: Patience;
  /** When the banner may go out; undefined once the dialogue has begun. */
  #greetAt: number | undefined;
  #handshakeSince: number | undefined;
  #closingSince: number | undefined;
  /** Reasons not to read just now. */
  #storeBusy = false;
  #clientBusy = false;
  #draining = false;
  #why = 'client left';
  #closed = false;

  constructor(socket: Socket, facts: ConnectionFacts, context: ConnectionContext, owner: ConnectionOwner) {
    const { clock, listener } = context;
    this.#context = context;
    this.#socket = socket;
    this.admittedAs = facts.remoteAddress;
    this.#owner = owner;
    const auth =
      context.auth && authOptions(context.auth, context.limits, (type) => this.channelBinding(type));
    this.#session = new SmtpSession(sessionOptions(context, facts.remoteAddress, auth));
    const openedAt = clock.now();
    this.#patience = new Patience(openedAt);
    this.facts = new SessionFacts({ ...facts, listener, openedAt }, this.#session);
    this.#host = new DialogueHost(this.facts, context);
  }

  /** Begins the dialogue. Call it once. */
  open(): void {
    const { id, listener, remoteAddress, remotePort, proxy } = this.facts;
    this.#context.events.emit('connection-opened', {
      session: id,
      listener,
      remoteAddress,
      remotePort,
      ...(proxy !== undefined && { proxy: proxy.address }),
    });
    this.#socket.setNoDelay(true);
    if (this.#context.tls === 'implicit') {
      this.#handshake(() => this.#greet());
    } else {
      this.#listen(this.#socket);
      // It was paused where a PROXY header came first.
      if (this.#socket.isPaused()) this.#socket.resume();
      this.#greet();
    }
  }

  /** Begins the dialogue, at once or when the sweep finds that the banner's delay is over. */
  #greet(): void {
    const { bannerDelay, clock } = this.#context;
    if (bannerDelay > 0) this.#greetAt = clock.now() + bannerDelay;
    else this.#drive(this.#session.begin());
  }

  /** Closes a connection whose client has been silent, or its transaction open, for too long. */
  checkDeadlines(now: number): void {
    if (this.#closed) return;
    const { deadlines } = this.#context;
    if (this.#closingSince !== undefined) {
      if (now - this.#closingSince > CLOSING_TIME) this.#destroy('the client does not take the last reply');
      return;
    }
    if (this.#handshakeSince !== undefined) {
      if (now - this.#handshakeSince > deadlines.tlsHandshake) this.#destroy('TLS handshake took too long');
      return;
    }
    if (this.#greetAt !== undefined) {
      if (now < this.#greetAt) return;
      this.#greetAt = undefined;
      this.#patience.excuse(now);
      this.#drive(this.#session.begin());
      this.#readOn();
      return;
    }
    // While a question is open the silence is ours, unless the client leaves our replies unread.
    if (!this.#clientBusy) {
      if (this.#session.waiting || this.#storeBusy) this.#patience.excuse(now);
      if (this.#session.waiting) return;
    }
    const { inBody, midLine } = this.#session;
    const doing = { inBody, midLine, transactionStartedAt: this.#host.transactionStartedAt };
    const overdue = this.#patience.overdue(now, doing, deadlines, this.#context.limits);
    if (overdue !== undefined) this.#end('4.4.2', overdue);
  }

  /** The server wants to stop: at once where nothing is under way, else after the open transaction. */
  drain(): void {
    this.#draining = true;
    if (!this.#busy) this.#end('4.3.2', 'Server is shutting down');
  }

  /** Cuts the connection off. */
  abort(why: string): void {
    this.#destroy(why);
  }

  /** What ties SCRAM to this connection: the data of a type of channel binding, where it has such. */
  channelBinding(type: string): Uint8Array | undefined {
    return channelBinding(this.#socket, type);
  }

  get #busy(): boolean {
    return this.#session.waiting || this.#session.inBody || this.#host.transactionStartedAt !== undefined;
  }

  #listen(socket: Socket): void {
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('drain', this.#onDrain);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  readonly #onData = (bytes: Uint8Array): void => {
    this.#patience.heard(this.#context.clock.now(), bytes.length);
    this.#drive(this.#session.receive(bytes));
    if (this.#session.buffered > MAX_WAITING_INPUT) this.#socket.pause();
  };

  readonly #onEnd = (): void => this.#drive(this.#session.inputEnded());

  readonly #onDrain = (): void => {
    this.#clientBusy = false;
    this.#patience.heard(this.#context.clock.now(), 0);
    this.#readOn();
  };

  readonly #onError = (error: Error & { readonly reason?: string }): void => {
    // OpenSSL's messages are long; the reason is what they say.
    this.#why = error.reason ?? error.message;
  };

  readonly #onClose = (): void => this.#finish();

  /** Carries out steps until a question has to wait or nothing is left; then writes all replies at once. */
  #drive(first: readonly Step[]): void {
    let steps: readonly Step[] | undefined = first;
    while (steps !== undefined && !this.#closed) {
      let next: readonly Step[] | undefined;
      for (const step of steps) next = this.#take(step) ?? next;
      steps = next;
    }
    if (this.#closed) return;
    // While a question is open more replies may join these in one write.
    if (this.#session.waiting) this.#flushing ??= this.#out === '' ? undefined : setImmediate(this.#flush);
    else this.#flush();
    if (this.#draining && !this.#busy && this.#closingSince === undefined)
      this.#end('4.3.2', 'Server is shutting down');
  }

  #take(step: Step): readonly Step[] | undefined {
    switch (step.do) {
      case 'reply':
        this.#out += formatReply(step.reply);
        if (step.refused) this.#announceRefused(step.reply);
        return undefined;
      case 'ask': {
        const answer = this.#host.answer(step.question);
        if (!(answer instanceof Promise)) return this.#session.answer(answer);
        (answer as Promise<Answer | EachAnswer | LoginAnswer>).then(this.#answered, this.#failed);
        return undefined;
      }
      case 'body': {
        const wait = this.#host.body(step.bytes);
        if (wait !== undefined) this.#waitForStore(wait);
        return undefined;
      }
      case 'drop-body':
        this.#host.dropBody();
        return undefined;
      case 'reset':
        this.facts.forwarded = undefined;
        this.#host.reset();
        return undefined;
      case 'client-is':
        this.#become(step.client);
        return undefined;
      case 'forwarded':
        this.facts.forwarded = { ...this.facts.forwarded, ...step.forwarded };
        this.#context.events.emit('client-introduced', introduction('XFORWARD', step.forwarded, this.facts));
        return undefined;
      case 'start-tls':
        this.#flush();
        this.#handshake(() => this.#drive(this.#session.secured()));
        return undefined;
      case 'close':
        this.#why = step.why;
        this.#flush();
        this.#close();
        return undefined;
    }
  }

  #become(client: ClientAttributes): void {
    const refusal = this.#owner.moved(this, client.address ?? this.facts.remoteAddress);
    this.facts.become(client);
    this.#host.restart();
    this.#context.events.emit('client-introduced', introduction('XCLIENT', client, this.facts));
    if (refusal !== undefined) this.#drive(this.#session.end('4.7.0', refusal));
  }

  readonly #answered = (answer: Answer | EachAnswer | LoginAnswer): void => {
    if (this.#closed) return;
    this.#drive(this.#session.answer(answer));
    this.#readOn();
  };

  /** The host promises never to reject; should it, the client hears 421 and the server lives. */
  readonly #failed = (error: unknown): void => {
    this.#context.log.error(
      { session: this.facts.id, error: String(error) },
      'a question could not be answered',
    );
    this.#end('4.3.0', 'Internal error');
  };

  #waitForStore(wait: Promise<void>): void {
    this.#storeBusy = true;
    this.#socket.pause();
    void wait.then(() => {
      this.#storeBusy = false;
      this.#readOn();
    });
  }

  #readOn(): void {
    if (this.#storeBusy || this.#clientBusy || this.#closed) return;
    if (this.#session.buffered <= MAX_WAITING_INPUT && this.#socket.isPaused()) this.#socket.resume();
  }

  readonly #flush = (): void => {
    if (this.#flushing !== undefined) {
      clearImmediate(this.#flushing);
      this.#flushing = undefined;
    }
    if (this.#out === '' || this.#closed || this.#socket.destroyed) return;
    const written = this.#socket.write(this.#out, 'latin1');
    this.#out = '';
    if (!written && this.#socket.writableLength > this.#context.limits.unsentReplies) {
      this.#clientBusy = true;
      this.#socket.pause();
    }
  };

  #handshake(then: () => void): void {
    const plain = this.#socket;
    const tls = this.#context.secure as ListenerTls;
    plain.removeListener('data', this.#onData);
    plain.removeListener('end', this.#onEnd);
    plain.removeListener('drain', this.#onDrain);
    plain.removeListener('close', this.#onClose);
    plain.on('error', this.#onError);
    this.#handshakeSince = this.#context.clock.now();
    const secure = secureSocket(plain, tls);
    this.#socket = secure;
    secure.on('error', this.#onError);
    secure.on('close', this.#onClose);
    // Nothing can be said to a client that leaves in mid-handshake.
    secure.once('end', this.#onLeft);
    secure.once('secure', () => {
      secure.removeListener('end', this.#onLeft);
      this.#handshakeSince = undefined;
      if (this.#closed || this.#closingSince !== undefined) return;
      this.#patience.heard(this.#context.clock.now(), 0);
      const facts = tlsFacts(secure, tls);
      this.facts.tls = facts;
      this.#context.events.emit('tls-established', { session: this.facts.id, ...facts });
      if (tls.clientCertificates === 'require' && facts.client?.verified !== true) this.#session.distrust();
      secure.on('data', this.#onData);
      secure.on('end', this.#onEnd);
      secure.on('drain', this.#onDrain);
      then();
    });
    secure.resume();
  }

  readonly #onLeft = (): void => this.#destroy('the client left in mid-handshake');

  #end(status: `4.${number}.${number}`, text: string): void {
    this.#drive(this.#session.end(status, text));
  }

  /** After the last reply: no more is read, and the peer has time to take what was written. */
  #close(): void {
    this.#closingSince = this.#context.clock.now();
    this.#socket.removeListener('data', this.#onData);
    this.#socket.resume();
    this.#socket.destroySoon();
  }

  #destroy(why: string): void {
    this.#why = why;
    this.#socket.destroy();
    this.#finish();
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#flushing !== undefined) clearImmediate(this.#flushing);
    this.#host.leave();
    const { id, listener, remoteAddress, openedAt } = this.facts;
    if (this.#handshakeSince !== undefined)
      this.#context.events.emit('tls-failed', { session: id, listener, remoteAddress, why: this.#why });
    this.#context.events.emit('connection-closed', {
      session: id,
      listener,
      remoteAddress,
      why: this.#why,
      milliseconds: this.#context.clock.now() - openedAt,
      messages: this.#host.messages,
    });
    this.#owner.closed(this);
  }

  #announceRefused({ code, status, lines }: Reply): void {
    if (!this.#context.events.wants('command-refused')) return;
    const text = lines[0] ?? '';
    this.#context.events.emit('command-refused', {
      session: this.facts.id,
      code,
      status: status ?? '',
      text,
    });
  }
}
