// A small SMTP client for tests against a real server: it pipelines, takes replies in order, and can be made to misbehave.

import { createConnection, type Socket } from 'node:net';

export interface ClientReply {
  readonly code: number;
  /** The lines without their codes, joined by line feeds. */
  readonly text: string;
}

export interface Envelope {
  /** '' is the null path. */
  readonly sender: string;
  readonly recipients: readonly string[];
}

interface Waiter {
  readonly resolve: (reply: ClientReply) => void;
  readonly reject: (error: Error) => void;
}

export class SmtpClient {
  readonly socket: Socket;
  #text = '';
  #lines: string[] = [];
  readonly #replies: ClientReply[] = [];
  readonly #waiters: Waiter[] = [];
  #ended: Error | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#receive(bytes.toString('latin1')));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('the server closed the connection')));
  }

  /** Connects, without having read the greeting. */
  static open(port: number, host = '127.0.0.1'): Promise<SmtpClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection({ port, host });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        resolve(new SmtpClient(socket));
      });
    });
  }

  /** Connects and greets. Rejects when the server does not want us. */
  static async greet(port: number, host = '127.0.0.1'): Promise<SmtpClient> {
    const client = await SmtpClient.open(port, host);
    try {
      expectCode(await client.reply(), 220);
      expectCode(await client.command('EHLO client.example'), 250);
      return client;
    } catch (error) {
      client.destroy();
      throw error;
    }
  }

  /** The next reply. Rejects when the connection has ended before it came. */
  reply(): Promise<ClientReply> {
    const reply = this.#replies.shift();
    if (reply !== undefined) return Promise.resolve(reply);
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  command(line: string): Promise<ClientReply> {
    this.push(`${line}\r\n`);
    return this.reply();
  }

  /** Sends octets. Whether they arrive shows in the reply. */
  push(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Resolves when the octets have left for the kernel. Rejects when the connection ends before. */
  write(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** MAIL, RCPT and DATA in one write. Resolves to the reply to DATA, or to the first refusal before it. */
  async begin({ sender, recipients }: Envelope): Promise<ClientReply> {
    const rcpts = recipients.map((recipient) => `RCPT TO:<${recipient}>\r\n`).join('');
    this.push(`MAIL FROM:<${sender}>\r\n${rcpts}DATA\r\n`);
    let refused: ClientReply | undefined;
    for (let left = recipients.length + 1; left > 0; left -= 1) {
      const reply = await this.reply();
      if (reply.code !== 250) refused ??= reply;
    }
    const data = await this.reply();
    return refused ?? data;
  }

  /** A whole transaction. Resolves to the reply that ended it: the 250, or a refusal. @param content dot-stuffed, ending in CRLF */
  async send(envelope: Envelope, content: string | Uint8Array): Promise<ClientReply> {
    const begun = await this.begin(envelope);
    if (begun.code !== 354) return begun;
    this.push(content);
    this.push('.\r\n');
    return this.reply();
  }

  async quit(): Promise<void> {
    await this.command('QUIT').catch(() => undefined);
    this.destroy();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #receive(text: string): void {
    const parts = (this.#text + text).split('\r\n');
    this.#text = parts.pop() ?? '';
    for (const line of parts) {
      this.#lines.push(line.slice(4));
      if (line[3] === '-') continue;
      const reply = { code: Number(line.slice(0, 3)), text: this.#lines.join('\n') };
      this.#lines = [];
      const waiter = this.#waiters.shift();
      if (waiter === undefined) this.#replies.push(reply);
      else waiter.resolve(reply);
    }
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#ended);
  }
}

/** The reply as it was, or an error that shows it. */
export function expectCode(reply: ClientReply, code: number): ClientReply {
  if (reply.code !== code) throw new Error(`expected ${code}, the server said ${reply.code} ${reply.text}`);
  return reply;
}

/** RFC 5321 §4.5.2: a line that begins with a dot gets another one. */
export function dotStuffed(content: string): string {
  return content.replace(/(^|\r\n)\./g, '$1..');
}
