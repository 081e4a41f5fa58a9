// The load: a pipelining SMTP client in a process of its own. Run as `node generator.js <JSON of Load>`; it prints one
// JSON line with what it measured. MAIL, RCPT and DATA leave in one write, the message and its dot in another.

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

export interface Load {
  readonly port: number;
  readonly sessions: number;
  readonly messages: number;
  /** Octets of a message. */
  readonly size: number;
  readonly recipient: string;
  /** The client that the server is told of by XCLIENT, for checks that leave its own networks alone. */
  readonly client?: string;
  /** A file with the message in place of one that is made up: CRLF line ends, no line with a dot in front. */
  readonly file?: string;
}

export interface LoadResult {
  readonly accepted: number;
  readonly seconds: number;
  /** Milliseconds for one message, from MAIL to its 250. */
  readonly p50: number;
  readonly p99: number;
}

const DOT = Buffer.from('.\r\n');
const ENVELOPE = (recipient: string): Buffer =>
  Buffer.from(`MAIL FROM:<bench@client.example>\r\nRCPT TO:<${recipient}>\r\nDATA\r\n`);

export function messageOf(size: number): Buffer {
  const head = 'From: bench@client.example\r\nSubject: load\r\n\r\n';
  const line = `${'x'.repeat(72)}\r\n`;
  const lines = Math.max(1, Math.ceil((size - head.length) / line.length));
  return Buffer.from(`${head}${line.repeat(lines).slice(0, Math.max(2, size - head.length) - 2)}\r\n.\r\n`);
}

async function generate({
  port,
  sessions,
  messages,
  size,
  recipient,
  client,
  file,
}: Load): Promise<LoadResult> {
  const message = file === undefined ? messageOf(size) : Buffer.concat([readFileSync(file), DOT]);
  const envelope = ENVELOPE(recipient);
  const times: number[] = [];
  let left = messages;
  let accepted = 0;
  const began = process.hrtime.bigint();

  const session = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      let state: 'greeting' | 'xclient' | 'ehlo' | 'envelope' | 'message' | 'done' = 'greeting';
      let rest = '';
      let startedAt = 0;
      const begin = (): void => {
        if (left <= 0) {
          state = 'done';
          socket.end('QUIT\r\n');
          return;
        }
        left -= 1;
        state = 'envelope';
        startedAt = performance.now();
        socket.write(envelope);
      };
      const line = (text: string): void => {
        if (text.charAt(3) === '-' || state === 'done') return;
        if (state === 'greeting' && client !== undefined) {
          state = 'xclient';
          socket.write(`XCLIENT ADDR=${client} NAME=client.example\r\n`);
        } else if (state === 'greeting' || state === 'xclient') {
          if (!text.startsWith('220')) reject(new Error(text));
          state = 'ehlo';
          socket.write('EHLO client.example\r\n');
        } else if (state === 'ehlo') {
          begin();
        } else if (state === 'envelope') {
          if (text.startsWith('354')) {
            state = 'message';
            socket.write(message);
          } else if (!text.startsWith('250')) reject(new Error(text));
        } else {
          if (text.startsWith('250')) accepted += 1;
          else reject(new Error(text));
          times.push(performance.now() - startedAt);
          begin();
        }
      };
      socket.setEncoding('latin1');
      socket.on('data', (text: string) => {
        const lines = (rest + text).split('\r\n');
        rest = lines.pop() as string;
        for (const each of lines) line(each);
      });
      socket.on('error', reject);
      socket.on('close', () => resolve());
    });

  await Promise.all(Array.from({ length: sessions }, session));
  times.sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { accepted, seconds: Number(process.hrtime.bigint() - began) / 1e9, p50: at(0.5), p99: at(0.99) };
}

if (process.argv[2] !== undefined)
  console.log(JSON.stringify(await generate(JSON.parse(process.argv[2]) as Load)));
