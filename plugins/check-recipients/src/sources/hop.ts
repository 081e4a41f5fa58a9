// A few commands over one connection to a next hop: each is answered before the next one is said.

import type { Socket } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import { type Reply, ReplyParser } from '@posthouse/core/smtp';

export class Hop {
  #socket: Socket;
  readonly #replies: Reply[] = [];
  #parser = new ReplyParser();
  #error: Error | undefined;
  #waiting: (() => void) | undefined;

  /** @param signal cuts the connection */
  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    const late = (): void => this.#fail(new Error('no answer in time'));
    if (signal.aborted) late();
    signal.addEventListener('abort', late, { once: true });
    this.#listen(socket);
  }

  /** The next reply, which must be good. @param to what was said, for the error */
  async heard(to: string): Promise<Reply> {
    const reply = await this.#next();
    if (reply.code >= 200 && reply.code < 300) return reply;
    throw new Error(`the next hop answered ${reply.code} to ${to}`);
  }

  said(line: string): Promise<Reply> {
    this.#write(line);
    return this.heard(line.split(' ')[0] as string);
  }

  /** Any reply will do. */
  asked(line: string): Promise<Reply> {
    this.#write(line);
    return this.#next();
  }

  /** STARTTLS was answered (RFC 3207): from here on in TLS. Rejects where the handshake fails, or there is no trust. */
  async secure(options: ConnectionOptions): Promise<void> {
    // RFC 3207 §6: nobody in between may put words into what is believed behind the handshake.
    if (this.#replies.length > 0) throw new Error('the next hop said more than its reply to STARTTLS');
    const clear = this.#socket;
    clear.removeAllListeners('data').removeAllListeners('close');
    this.#parser = new ReplyParser();
    const secure = connect({ ...options, socket: clear });
    this.#socket = secure;
    this.#listen(secure);
    let done = false;
    secure.once('secureConnect', () => {
      done = true;
      this.#waiting?.();
    });
    while (!done) await this.#woken();
  }

  /** Says goodbye where somebody may be listening, and waits for nothing. */
  end(): void {
    if (this.#error !== undefined) {
      this.#socket.destroy();
      return;
    }
    this.#socket.end('QUIT\r\n');
    this.#socket.destroySoon();
  }

  #listen(socket: Socket): void {
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the next hop closed the connection')));
    socket.on('data', (bytes: Buffer) => {
      for (const each of this.#parser.receive(bytes)) {
        if ('fault' in each) this.#fail(new Error(`the next hop answered no SMTP: ${each.fault}`));
        else this.#replies.push(each);
      }
      this.#waiting?.();
    });
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#waiting?.();
  }

  #write(line: string): void {
    this.#socket.write(`${line}\r\n`);
  }

  async #next(): Promise<Reply> {
    for (;;) {
      const reply = this.#replies.shift();
      if (reply !== undefined) return reply;
      await this.#woken();
    }
  }

  /** Something has come, or it rejects with what has gone wrong. */
  async #woken(): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    await new Promise<void>((resolve) => {
      this.#waiting = resolve;
    });
  }
}
