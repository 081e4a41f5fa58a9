// One connection to a next hop: a socket that an SmtpDialogue drives. It opens (TCP, greeting, EHLO, STARTTLS),
// carries messages one after the other, and ends. It has no timer of its own: the pool calls `tick`.

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock, Delivered, Exchange, StoredMessage } from '../contract/index.ts';
import {
  type DialogueStep,
  type Envelope,
  type Offer,
  type RecipientResult,
  SmtpDialogue,
} from '../smtp/index.ts';
import { stream, writeAll } from './outflow.ts';
import { endOfChunk, type OutgoingMessage } from './outgoing-message.ts';
import { patienceFor, QUIT_PATIENCE } from './patience.ts';
import type { ConnectionSettings, TlsMode } from './settings.ts';
import { beginTls, faultOfPeer } from './start-tls.ts';
import { dial, type Target } from './target.ts';
import type { TlsFault, Trouble } from './trouble.ts';

interface Job {
  readonly message: StoredMessage;
  readonly outgoing: OutgoingMessage;
  /** Asked, not listened to: a listener for each message costs more than it is worth. */
  readonly aborted: () => boolean;
  readonly resolve: (results: readonly RecipientResult[]) => void;
  readonly reject: (error: unknown) => void;
}

const LOST: RecipientResult = { during: 'mail', reply: undefined };

export class Connection {
  readonly target: Target;
  /** What the next hop offered last. */
  offer: Offer | undefined;
  /** Transactions begun. */
  messages = 0;
  /** The next hop has had enough of this connection: it is not kept. */
  spent = false;
  /** The last message went as a chunk though DATA could have carried it. */
  choseChunk = false;
  /** The next hop offers CHUNKING and does not know BDAT. */
  refusesChunks = false;
  /** The next hop cannot carry what its messages ask for: no other message that asks is given to it. */
  unfit = false;
  /** Ours, once it is up. */
  localAddress: string | undefined;
  /** undefined in clear. */
  tls: Exchange['tls'];
  /** What is wrong with the TLS, or that there is none, where mail goes all the same. */
  tlsFault: TlsFault | undefined;
  readonly #settings: ConnectionSettings;
  readonly #tls: TlsMode;
  readonly #clock: Clock;
  readonly #dialogue: SmtpDialogue;
  readonly #closed: () => void;
  #socket: Socket | TLSSocket;
  #tlsState: 'clear' | 'handshake' | 'secure' = 'clear';
  #loggedIn = false;
  #phase: 'opening' | 'open' | 'over' = 'opening';
  #opened: ((trouble: Trouble | undefined) => void) | undefined;
  readonly #openingAborted: () => boolean;
  #job: Job | undefined;
  #deadline: number;
  #error: Error | undefined;

  /**
   * Begins to connect.
   * @param closed is called once, when the socket is gone.
   */
  constructor(
    target: Target,
    settings: ConnectionSettings,
    tls: TlsMode,
    clock: Clock,
    aborted: () => boolean,
    closed: () => void,
  ) {
    this.target = target;
    this.#settings = settings;
    this.#tls = tls;
    this.#clock = clock;
    this.#openingAborted = aborted;
    this.#closed = closed;
    this.#dialogue = new SmtpDialogue(target.helo ?? settings.helo, settings.protocol);
    this.#deadline = clock.now() + settings.connectTimeout;
    this.#socket = dial(target);
    this.#socket.once('connect', () => {
      this.localAddress = this.#socket.localAddress;
      this.#run(this.#dialogue.begin());
    });
    this.#listen(this.#socket);
  }

  /** Who tells a sender that asked for notices of success: the next hop, nobody, or we who speak to the mailbox. */
  get relayed(): Delivered['relayed'] {
    if (this.#settings.protocol === 'lmtp') return undefined;
    return this.offer?.dsn ? 'with-dsn' : 'without-dsn';
  }

  /** What is said to it stays on this machine, and it has the mailbox: no hop is left (RFC 8689 §4.4). */
  get isFinal(): boolean {
    if (this.#settings.protocol !== 'lmtp') return false;
    const { path, address } = this.target;
    return path !== undefined || address === '::1' || address.startsWith('127.');
  }

  /** Resolves when the dialogue is ready for messages (undefined), or with the reason why it never will be. */
  opened(): Promise<Trouble | undefined> {
    return new Promise((resolve) => {
      this.#opened = resolve;
    });
  }

  /** It has carried as many messages as we or the next hop allow one connection (RFC 9422 §4.1). */
  get isWorn(): boolean {
    if (this.spent || this.unfit) return true;
    return this.messages >= Math.min(this.#settings.messagesPerConnection, this.offer?.mailMax ?? Infinity);
  }

  /** A message may be carried now. */
  get isReady(): boolean {
    return this.#phase === 'open' && this.#job === undefined && this.#dialogue.isReady;
  }

  /** Resolves when every recipient has its result; rejects only when the message itself cannot be read. */
  carry(
    envelope: Envelope,
    message: StoredMessage,
    outgoing: OutgoingMessage,
    aborted: () => boolean,
  ): Promise<readonly RecipientResult[]> {
    this.messages++;
    this.choseChunk = false;
    if (!this.isReady) return Promise.resolve(envelope.recipients.map(() => LOST));
    return new Promise((resolve, reject) => {
      this.#job = { message, outgoing, aborted, resolve, reject };
      this.#run(this.#dialogue.send(envelope));
    });
  }

  /** Time passes: gives up what has taken too long, and what nobody waits for any more. */
  tick(now: number): void {
    if (this.#phase === 'over') {
      if (now >= this.#deadline) this.#socket.destroy();
    } else if (this.#phase === 'opening' ? this.#openingAborted() : this.#job?.aborted()) {
      this.giveUp('the attempt was aborted', 'aborted');
    } else if (now >= this.#deadline) {
      if (this.isReady) this.quit();
      else if (this.#tlsState === 'handshake') this.giveUp('TLS handshake timed out', 'tls-failed');
      else {
        const { awaiting = 'the connection' } = this.#dialogue;
        this.giveUp(`timed out while waiting for ${awaiting}`, this.#kindOfLoss());
      }
    }
  }

  /** Says QUIT; the socket closes when it is answered or after a few seconds. */
  quit(): void {
    if (!this.isReady) {
      this.giveUp('closed');
      return;
    }
    this.#run(this.#dialogue.quit());
    this.#phase = 'over';
  }

  /** Ends at once. Recipients without a result get none. */
  giveUp(text: string, kind: Trouble['kind'] = 'lost', fault?: TlsFault['kind']): void {
    this.#fail({ kind, text, ...(fault !== undefined && { fault }) });
    this.#run(this.#dialogue.ended(text));
    this.#cut();
  }

  #listen(socket: Socket | TLSSocket): void {
    socket.on('data', (bytes: Buffer) => this.#hear(bytes));
    socket.on('end', () => this.#lost('the connection was closed'));
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('close', () => {
      this.#lost(this.#error?.message ?? 'the connection was closed');
      this.#closed();
    });
  }

  /** RFC 5321 §4.5.3.2 gives time for a reply: its octets, one by one, earn no more of it. */
  #hear(bytes: Uint8Array): void {
    const before = this.#dialogue.replies;
    const steps = this.#dialogue.receive(bytes);
    if (steps.length > 0 || this.#dialogue.replies > before) this.#run(steps);
  }

  #lost(text: string): void {
    if (this.#phase === 'over') return;
    this.giveUp(text, this.#kindOfLoss());
  }

  #kindOfLoss(): Trouble['kind'] {
    const { awaiting } = this.#dialogue;
    if (awaiting === 'starttls') return 'tls-failed';
    return awaiting === undefined ? 'no-connection' : 'lost';
  }

  #run(steps: readonly DialogueStep[]): void {
    let handshake = false;
    for (const step of steps) {
      if (step.do === 'start-tls') handshake = true;
      else this.#do(step);
    }
    if (this.#phase === 'over') return;
    if (handshake) this.#startTls();
    else this.#setDeadline();
  }

  #do(step: DialogueStep): void {
    switch (step.do) {
      case 'send':
        this.#socket.write(step.text);
        break;
      case 'send-body':
        this.#sendBody();
        break;
      case 'send-octets':
        this.#sendChunk(step.command);
        break;
      case 'ready':
        this.offer = step.offer;
        this.#ready(step.offer.startTls);
        break;
      case 'tls-refused':
        this.#withoutTls('STARTTLS was refused');
        break;
      case 'authenticated':
        this.#loggedIn = true;
        this.#open();
        break;
      case 'auth-refused':
        this.#fail({ kind: 'login-failed', text: 'the login was refused', reply: step.reply }, true);
        break;
      case 'result':
        this.#settle(step.recipients);
        break;
      case 'refused':
        this.#fail({ kind: 'refused', text: 'service refused', reply: step.reply }, true);
        break;
      case 'fault':
        this.#fail({ kind: step.during === 'auth' ? 'login-failed' : 'lost', text: step.text });
        this.#cut();
        break;
      case 'closed':
        this.#end();
        break;
    }
  }

  #ready(startTls: boolean): void {
    // Where more came along with the reply, the step that ends the dialogue is the next one.
    if (this.#phase !== 'opening' || !this.#dialogue.isReady) return;
    if (this.#tlsState === 'clear' && startTls && this.#tls !== 'none') this.#run(this.#dialogue.startTls());
    else if (this.#tlsState === 'clear' && this.#tls !== 'none') this.#withoutTls('STARTTLS is not offered');
    else this.#open();
  }

  #withoutTls(text: string): void {
    this.tlsFault = { kind: 'starttls-not-supported', text };
    if (this.#tls === 'may') this.#open();
    else this.#fail({ kind: 'tls-missing', text, fault: this.tlsFault.kind }, true);
  }

  #startTls(): void {
    const clear = this.#socket;
    this.#tlsState = 'handshake';
    const { trial } = this.target;
    const verify = this.#tls === 'verify' || trial !== undefined;
    this.#deadline = this.#clock.now() + this.#settings.connectTimeout;
    const secure = beginTls(clear, this.target, verify ? this.#settings.trust : undefined);
    this.#socket = secure;
    secure.once('secureConnect', () => {
      if (this.#phase === 'over') return;
      const fault = faultOfPeer(secure, this.target, this.#tls, this.#clock.now());
      this.tlsFault = fault ?? trial?.fault;
      if (fault !== undefined && trial === undefined)
        return this.giveUp(fault.text, 'tls-failed', fault.kind);
      this.#tlsState = 'secure';
      this.tls = { version: secure.getProtocol() ?? '', cipher: secure.getCipher().name };
      this.#run(this.#dialogue.secured());
    });
    secure.on('error', (error) => {
      this.#error = error;
      if (this.#tlsState === 'handshake') this.giveUp(`TLS handshake failed: ${error.message}`, 'tls-failed');
    });
    secure.on('close', () => {
      if (this.#tlsState === 'handshake')
        this.giveUp('TLS handshake failed: the connection was closed', 'tls-failed');
    });
    this.#listen(secure);
  }

  #open(): void {
    if (!this.#dialogue.isReady) return;
    const { login } = this.target;
    if (login !== undefined && !this.#loggedIn) {
      const client = login(this.offer?.auth ?? [], this.#tlsState === 'secure');
      if (typeof client === 'string') this.#fail({ kind: 'login-failed', text: client }, true);
      else this.#run(this.#dialogue.authenticate(client));
      return;
    }
    this.#phase = 'open';
    const opened = this.#opened;
    this.#opened = undefined;
    opened?.(undefined);
  }

  /** Tells whoever waits for the opening; recipients are told by `result`. */
  #fail(trouble: Trouble, ends = false): void {
    const opened = this.#opened;
    this.#opened = undefined;
    opened?.(trouble);
    if (ends) this.#end();
  }

  /** What has been written still goes out, as QUIT does; the tick destroys what lingers. */
  #end(): void {
    if (this.#phase !== 'over') this.#deadline = this.#clock.now() + QUIT_PATIENCE;
    this.#phase = 'over';
    this.#socket.destroySoon();
  }

  /** Nothing more goes out, an end of data least of all. */
  #cut(): void {
    this.#phase = 'over';
    this.#socket.destroy();
  }

  #settle(results: readonly RecipientResult[]): void {
    const job = this.#job;
    this.#job = undefined;
    job?.resolve(results);
  }

  #sendBody(): void {
    const { encoded } = (this.#job as Job).outgoing;
    if (encoded === undefined) this.#beginStream();
    else this.#sendAll(encoded);
  }

  #sendChunk(text: string): void {
    const { outgoing } = this.#job as Job;
    const command = Buffer.from(text, 'latin1');
    this.choseChunk = !outgoing.binary;
    if (outgoing.octets === undefined) this.#beginStream(command);
    else this.#sendAll([command, ...outgoing.octets, ...endOfChunk(outgoing)]);
  }

  #sendAll(pieces: readonly Uint8Array[]): void {
    writeAll(this.#socket, pieces);
    this.#dialogue.bodySent();
  }

  #beginStream(command?: Uint8Array): void {
    const job = this.#job as Job;
    this.#stream(job, command).catch((error: unknown) => this.#abandon(job, error));
  }

  async #stream(job: Job, command: Uint8Array | undefined): Promise<void> {
    await stream(this.#socket, job.message, job.outgoing, command, () => {
      if (this.#job !== job) return false;
      this.#deadline = this.#clock.now() + this.#settings.blockTimeout;
      return true;
    });
    if (this.#job !== job) return;
    this.#dialogue.bodySent();
    this.#setDeadline();
  }

  /** The message cannot be read: that is nobody's reply. Its end is not sent, so the next hop drops it. */
  #abandon(job: Job, error: unknown): void {
    if (this.#job !== job) return;
    this.#job = undefined;
    job.reject(error);
    this.#dialogue.ended('the message cannot be read');
    this.#cut();
  }

  #setDeadline(): void {
    const { awaiting } = this.#dialogue;
    this.#deadline = this.#clock.now() + patienceFor(awaiting, this.#phase === 'opening', this.#settings);
  }
}
