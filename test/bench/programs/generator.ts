// The load: an SMTP client in a process of its own. Run as `node generator.js <JSON of Load>`; it prints one JSON line
// with what it measured. Where the server offers PIPELINING, MAIL, RCPT and DATA leave in one write (RFC 2920), the message
// and its dot in another.

import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface Load {
  readonly port: number;
  readonly sessions: number;
  readonly messages: number;
  /** Octets of a message. */
  readonly size: number;
  readonly recipient: string;
  /** A connection for each message, or one for all that a session sends. */
  readonly connections: 'kept' | 'new';
  /** STARTTLS at the head of each connection. */
  readonly tls: boolean;
  /** The client that the server is told of by XCLIENT, for checks that leave its own networks alone. */
  readonly client?: string;
  /** A file with the message in place of one that is made up: CRLF line ends, no line with a dot in front. */
  readonly file?: string;
}

export interface LoadResult {
  readonly accepted: number;
  readonly seconds: number;
  /** Milliseconds for one message: from MAIL to its 250, or from the connection to its 250 where each has its own. */
  readonly p50: number;
  readonly p99: number;
}

/** Messages still to be sent, shared by all sessions, and what became of those that were. */
interface Work {
  left: number;
  accepted: number;
  readonly times: number[];
}

/** Milliseconds without an octet from the server after which the run has failed. */
const PATIENCE = 30_000;
const DOT = Buffer.from('.\r\n');
const EHLO = 'EHLO client.example\r\n';

export function messageOf(size: number): Buffer {
  const head = 'From: bench@client.example\r\nSubject: load\r\n\r\n';
  const line = `${'x'.repeat(72)}\r\n`;
  const lines = Math.max(1, Math.ceil((size - head.length) / line.length));
  return Buffer.from(`${head}${line.repeat(lines).slice(0, Math.max(2, size - head.length) - 2)}\r\n.\r\n`);
}

async function generate(load: Load): Promise<LoadResult> {
  const envelope = ['MAIL FROM:<bench@client.example>', `RCPT TO:<${load.recipient}>`, 'DATA'].map(
    (command) => `${command}\r\n`,
  );
  const message =
    load.file === undefined ? messageOf(load.size) : Buffer.concat([readFileSync(load.file), DOT]);
  const work: Work = { left: load.messages, accepted: 0, times: [] };
  const began = process.hrtime.bigint();
  const session = async (): Promise<void> => {
    do await converse(load, envelope, message, work);
    while (work.left > 0);
  };
  await Promise.all(Array.from({ length: Math.min(load.sessions, load.messages) }, session));
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const times = work.times.sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { accepted: work.accepted, seconds, p50: at(0.5), p99: at(0.99) };
}

/** One connection, from its greeting to its end. */
function converse(load: Load, envelope: readonly string[], message: Buffer, work: Work): Promise<void> {
  return new Promise((resolve, reject) => {
    let startedAt = performance.now();
    let state: 'greeting' | 'xclient' | 'ehlo' | 'starttls' | 'envelope' | 'message' | 'done' = 'greeting';
    let rest = '';
    let secured = !load.tls;
    let pipelining = false;
    let step = 0;
    const whole = Buffer.from(envelope.join(''));
    let socket: Socket;

    const quit = (): void => {
      state = 'done';
      socket.end('QUIT\r\n');
    };
    const begin = (): void => {
      if (work.left > 0) {
        work.left -= 1;
        state = 'envelope';
        if (load.connections === 'kept') startedAt = performance.now();
        step = 1;
        socket.write(pipelining ? whole : (envelope[0] as string));
      } else quit();
    };
    const secure = (): void => {
      socket.removeAllListeners('data');
      secured = true;
      state = 'ehlo';
      listenTo(connectTls({ socket, rejectUnauthorized: false }));
      socket.write(EHLO);
    };
    const hear = (text: string): void => {
      if (text.startsWith('PIPELINING', 4)) pipelining = true;
      if (text.charAt(3) === '-' || state === 'done') return;
      if (state === 'greeting' && load.client !== undefined) {
        state = 'xclient';
        socket.write(`XCLIENT ADDR=${load.client} NAME=client.example\r\n`);
      } else if (state === 'greeting' || state === 'xclient') {
        if (!text.startsWith('220')) reject(new Error(text));
        state = 'ehlo';
        socket.write(EHLO);
      } else if (state === 'ehlo' && secured) begin();
      else if (state === 'ehlo') {
        state = 'starttls';
        socket.write('STARTTLS\r\n');
      } else if (state === 'starttls' && text.startsWith('220')) secure();
      else if (state === 'envelope' && text.startsWith('354')) {
        state = 'message';
        socket.write(message);
      } else if (!text.startsWith('250')) reject(new Error(text));
      else if (state === 'envelope') {
        if (!pipelining) socket.write(envelope[step++] as string);
      } else if (state === 'message') {
        work.accepted += 1;
        work.times.push(performance.now() - startedAt);
        if (load.connections === 'kept') begin();
        else quit();
      }
    };
    const listenTo = (now: Socket): void => {
      socket = now;
      now.on('data', (bytes: Buffer) => {
        const lines = (rest + bytes.toString('latin1')).split('\r\n');
        rest = lines.pop() as string;
        for (const each of lines) hear(each);
      });
      now.setTimeout(PATIENCE, () => reject(new Error(`silence where a reply to ${state} should be`)));
      now.on('error', reject);
      now.on('close', () => resolve());
    };
    listenTo(connect({ host: '127.0.0.1', port: load.port, noDelay: true }));
  });
}

if (process.argv[2] !== undefined)
  console.log(JSON.stringify(await generate(JSON.parse(process.argv[2]) as Load)));
