// Clients on real sockets: what they said and heard, in plain and through TLS; and certificates to try them with.

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { makeSelfSigned } from '../../src/server/tls/self-signed.ts';
import type { OpenHouse } from '../../src/testing/index.ts';

/** Real milliseconds that a test waits for something that must come. */
const PATIENCE = 10_000;

export class Client {
  socket: Socket;
  heard = '';
  closed = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    this.#listen();
  }

  /** Waits until what it has heard fits, and forgets it up to there. */
  async hears(pattern: RegExp): Promise<string> {
    const found = await this.#until(() => pattern.exec(this.heard));
    const end = found.index + found[0].length;
    const said = this.heard.slice(0, end);
    this.heard = this.heard.slice(end);
    return said;
  }

  say(...lines: readonly string[]): this {
    this.socket.write(lines.map((line) => `${line}\r\n`).join(''));
    return this;
  }

  async isClosed(): Promise<void> {
    await this.#until(() => this.closed || undefined);
  }

  /** The handshake; resolves when it is through for this side. */
  async secure(options: ConnectionOptions = {}): Promise<TLSSocket> {
    this.socket.removeAllListeners('data');
    const secure = connectTls({ socket: this.socket, rejectUnauthorized: false, ...options });
    this.socket = secure;
    this.#listen();
    await once(secure, 'secureConnect');
    return secure;
  }

  #listen(): void {
    this.socket.on('data', (bytes: Buffer) => {
      this.heard += bytes.toString('latin1');
      this.#wake();
    });
    const end = (): void => {
      this.closed = true;
      this.#wake();
    };
    this.socket.on('close', end).on('end', end).on('error', end);
  }

  async #until<T>(ready: () => T | null | undefined): Promise<T> {
    const deadline = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const found = ready();
      if (found !== null && found !== undefined) return found;
      if (deadline.aborted) throw new Error(`waited in vain; heard: ${JSON.stringify(this.heard)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, PATIENCE);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

export async function dial(house: OpenHouse, listener = 'mx'): Promise<Client> {
  const socket = connect({
    host: '127.0.0.1',
    port: portOf(house, listener),
    noDelay: true,
    allowHalfOpen: true,
  });
  socket.on('error', () => {});
  const client = new Client(socket);
  await once(socket, 'connect');
  return client;
}

/** Up to the reply to EHLO after STARTTLS. */
export async function upgraded(house: OpenHouse, options: ConnectionOptions = {}): Promise<Client> {
  const client = await dial(house);
  await client.hears(/^220 .*\r\n/);
  await client.say('EHLO client.example').hears(/250 .*\r\n$/);
  await client.say('STARTTLS').hears(/^220 .*\r\n/);
  await client.secure(options);
  return client;
}

export function portOf(house: OpenHouse, listener: string): number {
  const address = house.server.addresses.find(({ name }) => name === listener);
  if (address === undefined) throw new TypeError(`no listener ${listener}`);
  return address.port;
}

/** Certificates that sign themselves, in a folder that goes away. */
export class CertificateFolder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'posthouse-certificates-'));

  /** Writes `<file>.cert.pem` and `<file>.key.pem`. */
  make(file: string, hostname: string, now: number = Date.now()): { cert: string; key: string } {
    const pair = makeSelfSigned(hostname, now);
    const files = this.filesOf(file);
    writeFileSync(files.cert, pair.cert);
    writeFileSync(files.key, pair.key);
    return files;
  }

  filesOf(file: string): { cert: string; key: string } {
    return { cert: join(this.path, `${file}.cert.pem`), key: join(this.path, `${file}.key.pem`) };
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
