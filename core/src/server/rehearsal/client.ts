// The client of a rehearsal: says one thing at a time over a stream and hears the reply.

import { Duplex, Writable } from 'node:stream';
import { connect } from 'node:tls';
import { type Reply, ReplyParser } from '../../smtp/index.ts';

export class RehearsalClient {
  #stream: Duplex;
  #parser = new ReplyParser();
  readonly #heard: Reply[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.#listen();
  }

  say(words: string | Uint8Array): void {
    this.#stream.write(words);
  }

  /** The next reply; undefined when the server has hung up. */
  async reply(): Promise<Reply | undefined> {
    while (this.#heard.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#heard.shift();
  }

  /** Resolves when TLS is up. Whose certificate the server has is not looked at: it is our own server. */
  async secure(): Promise<void> {
    const plain = this.#stream;
    plain.removeAllListeners('data');
    await new Promise<void>((resolve, reject) => {
      const secure = connect({ socket: inLaterTurns(plain), rejectUnauthorized: false }, resolve);
      this.#stream = secure;
      secure.once('error', reject);
      plain.once('close', () => reject(new Error('the server hung up in the TLS handshake')));
    });
    this.#parser = new ReplyParser();
    this.#listen();
  }

  end(): void {
    this.#stream.destroy();
  }

  #listen(): void {
    const end = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    this.#stream.on('data', (bytes: Uint8Array) => {
      for (const reply of this.#parser.receive(bytes)) if (!('fault' in reply)) this.#heard.push(reply);
      this.#wake?.();
    });
    this.#stream.on('end', end).on('close', end).on('error', end);
  }
}

/** Without a network the handshake would be through before `connect` returns, and Node would not hear of it. */
function inLaterTurns(stream: Duplex): Duplex {
  const writable = new Writable({
    write: (chunk, _encoding, done) => void setImmediate(() => stream.write(chunk, done)),
  });
  return Duplex.from({ readable: stream, writable });
}
