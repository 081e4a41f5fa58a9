// One connection to Dovecot for all logins, made when the first one comes and again when it was lost.

import { connect, type Socket } from 'node:net';
import type { Clock, Logger, LoginAsked, LoginResult, SessionView } from '@posthouse/core';
import { greeting, parseDovecotLine, plainRequest } from './protocol.ts';

export interface DovecotConfig {
  readonly socket: string;
  readonly service: string;
  /** Milliseconds. */
  readonly timeout: number;
}

/** A line of Dovecot's longer than that is none. */
const MAX_LINE = 65_536;
/** Logins that may wait for Dovecot; whoever comes beyond is told to come again. */
const MAX_WAITING = 500;

type Fields = ReadonlyMap<string, string>;
interface Waiter {
  resolve(answer: { readonly ok: boolean; readonly fields: Fields }): void;
  reject(error: Error): void;
}

export class DovecotClient {
  readonly #config: DovecotConfig;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #waiting = new Map<number, Waiter>();
  #connection: { readonly socket: Socket; readonly ready: Promise<void> } | undefined;
  #nextId = 1;

  constructor(config: DovecotConfig, clock: Clock, log: Logger) {
    this.#config = config;
    this.#clock = clock;
    this.#log = log;
  }

  /** Rejects when Dovecot cannot tell, or does not answer in time. */
  async verify({
    user,
    password,
    session,
    signal,
  }: LoginAsked & { readonly password: string }): Promise<LoginResult> {
    if (this.#waiting.size >= MAX_WAITING) throw new Error('too many logins wait for Dovecot');
    const id = this.#takeId();
    const request = plainRequest({
      id,
      user,
      password,
      service: this.#config.service,
      ...whereFrom(session),
    });
    if (request === undefined) return { refused: 'too-long' };
    const { ok, fields } = await this.#ask(id, request, signal);
    if (ok) return { user: fields.get('user') ?? user };
    if (fields.has('temp') || fields.get('code') === 'temp_fail')
      throw new Error('Dovecot cannot tell just now');
    return {
      refused: fields.has('user_disabled') || fields.get('code') === 'user_disabled' ? 'disabled' : 'refused',
    };
  }

  stop(): void {
    this.#lost(new Error('the server stops'));
  }

  #takeId(): number {
    const id = this.#nextId;
    // Dovecot counts in 32 bits, and 0 is no number of a request.
    this.#nextId = id >= 0x7fff_ffff ? 1 : id + 1;
    return id;
  }

  #ask(
    id: number,
    request: string,
    signal: AbortSignal,
  ): Promise<{ readonly ok: boolean; readonly fields: Fields }> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        timer.stop();
        signal.removeEventListener('abort', abort);
        this.#waiting.delete(id);
      };
      const fail = (error: Error): void => {
        end();
        reject(error);
      };
      const abort = (): void => fail(new Error('nobody waits for the answer any more'));
      const timer = this.#clock.after(this.#config.timeout, () => {
        const error = new Error(`Dovecot did not answer within ${this.#config.timeout} ms`);
        fail(error);
        // Whatever keeps it from answering may be over with another connection.
        this.#lost(error);
      });
      signal.addEventListener('abort', abort);
      this.#waiting.set(id, {
        resolve: (answer) => {
          end();
          resolve(answer);
        },
        reject: fail,
      });
      const { socket, ready } = this.#connected();
      ready.then(() => {
        if (this.#waiting.has(id)) socket.write(request);
      }, fail);
    });
  }

  #connected(): { readonly socket: Socket; readonly ready: Promise<void> } {
    if (this.#connection !== undefined) return this.#connection;
    const socket = connect(whereTo(this.#config.socket));
    const ready = new Promise<void>((resolve, reject) => {
      let plainOffered = false;
      let rest = '';
      const give = (error: Error): void => {
        reject(error);
        if (this.#connection?.socket === socket) this.#lost(error);
      };
      socket.setEncoding('utf8');
      // It may listen to the greeting before it has said its own.
      socket.on('connect', () => socket.write(greeting(process.pid)));
      socket.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        if (rest.length > MAX_LINE) give(new Error('Dovecot said a line without end'));
        for (const text of lines) {
          const line = parseDovecotLine(text);
          if (line.kind === 'foreign')
            give(new Error(`Dovecot speaks version ${line.version.slice(0, 20)} of its protocol`));
          else if (line.kind === 'mechanism') plainOffered ||= line.name === 'PLAIN';
          else if (line.kind === 'done') {
            if (plainOffered) resolve();
            else give(new Error('Dovecot does not offer PLAIN; add it to auth_mechanisms'));
          } else if (line.kind === 'answer') this.#answer(line.id, line.verdict, line.fields);
        }
      });
      socket.on('error', give);
      socket.on('close', () => give(new Error('Dovecot closed the connection')));
    });
    ready.then(
      () => this.#log.debug({ socket: this.#config.socket }, 'connected to Dovecot'),
      // Whoever waits has been told.
      () => {},
    );
    this.#connection = { socket, ready };
    socket.unref();
    return this.#connection;
  }

  #answer(id: number, verdict: 'ok' | 'fail' | 'continue', fields: Fields): void {
    const waiter = this.#waiting.get(id);
    if (verdict === 'continue') waiter?.reject(new Error('Dovecot wants more than PLAIN gives'));
    else waiter?.resolve({ ok: verdict === 'ok', fields });
  }

  #lost(error: Error): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.socket.destroy();
    for (const waiter of [...this.#waiting.values()]) waiter.reject(error);
  }
}

function whereFrom({ remoteAddress, remotePort, localAddress, localPort, tls }: SessionView): {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly secured: boolean;
} {
  return { remoteAddress, remotePort, localAddress, localPort, secured: tls !== undefined };
}

/** A path, or host:port. */
function whereTo(socket: string): { path: string } | { host: string; port: number } {
  const [, v6, host, port] = /^(?:\[([^\]]+)\]|([^:/]+)):(\d{1,5})$/.exec(socket) ?? [];
  if (port === undefined) return { path: socket };
  return { host: v6 ?? host ?? '', port: Number(port) };
}
