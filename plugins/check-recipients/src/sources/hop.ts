// A few commands over one connection to a next hop: each is answered before the next one is said.

import type { Socket } from 'node:net';
import { type Reply, ReplyParser } from '@posthouse/core/smtp';

export class Hop {
  readonly #socket: Socket;
  readonly #replies: Reply[] = [];
  readonly #parser = new ReplyParser();
  #error: Error | undefined;
  #waiting: (() => void) | undefined;

  /** @param signal cuts the connection */
  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    const fail = (error: Error): void => {
      this.#error ??= error;
      this.#waiting?.();
    };
    const late = (): void => fail(new Error('no answer in time'));
    if (signal.aborted) late();
    signal.addEventListener('abort', late, { once: true });
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('the next hop closed the connection')));
    socket.on('data', (bytes: Buffer) => {
      for (const each of this.#parser.receive(bytes)) {
        if ('fault' in each) fail(new Error(`the next hop answered no SMTP: ${each.fault}`));
        else this.#replies.push(each);
      }
      this.#waiting?.();
    });
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

  /** Says goodbye where somebody may be listening, and waits for nothing. */
  end(): void {
    if (this.#error === undefined) this.#socket.end('QUIT\r\n');
    this.#socket.destroySoon();
  }

  #write(line: string): void {
    this.#socket.write(`${line}\r\n`);
  }

  async #next(): Promise<Reply> {
    for (;;) {
      const reply = this.#replies.shift();
      if (reply !== undefined) return reply;
      if (this.#error !== undefined) throw this.#error;
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }
}
