// What an SMTP server costs that does only what each must: it reads commands and refuses what is wrong or out of turn,
// takes the stuffed dots off, and syncs each message with its envelope to the disk before its 250. No extensions but
// PIPELINING and SIZE, no hooks, no queue that anybody reads, no log. Run as `node responder.js <file>`; prints its port.
//
// Records go one behind the other into a file of a fixed size that is written anew from its head; whatever has arrived
// while a sync was under way shares the next one. That a message is done is written with what comes next. Clients wait for
// their 250 before they go on, as those of the bench do.

import { closeSync, fdatasync, openSync, writeSync, writev } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';

/** A file that does not grow is synced in a third of the time. */
const FILE = 256 * 1024 * 1024;
const LINE_AND_DOT = Buffer.from('\r\n.');
const DOT = 46;
const CR = 13;
const LF = 10;
const OK = '250 2.0.0 Ok\r\n';
const PATH =
  /^(?:FROM|TO):<((?:[^\s<>@"]+@[A-Za-z0-9.:[\]-]+)?)>((?: [A-Za-z0-9][A-Za-z0-9-]*(?:=[!-<>-~]+)?)*)$/i;

const file = openSync(process.argv[2] as string, 'w+');
for (let at = 0; at < FILE; at += 1024 * 1024) writeSync(file, Buffer.alloc(1024 * 1024), 0, 1024 * 1024, at);

let position = 0;
let made = 0;
let pending: Buffer[] = [];
let waiting: Socket[] = [];
let done: number[] = [];
let busy = false;

interface Envelope {
  readonly sender: string;
  readonly recipients: string[];
  readonly client: string;
}

function keep(envelope: Envelope, body: readonly Buffer[], client: Socket): void {
  made += 1;
  let size = 0;
  let sum = 0;
  for (const octets of body) {
    size += octets.length;
    sum = crc32(octets, sum);
  }
  const record = { id: made, arrivedAt: Date.now(), size, sum, ...envelope };
  pending.push(Buffer.from(`${JSON.stringify(record)}\n`), ...body);
  waiting.push(client);
  if (!busy) setImmediate(sync);
  busy = true;
}

function sync(): void {
  const gone = done.length === 0 ? [] : [Buffer.from(`${JSON.stringify({ done })}\n`)];
  const buffers = [...gone, ...pending];
  const clients = waiting;
  const last = made;
  pending = [];
  waiting = [];
  done = [];
  const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  if (position + length > FILE) position = 0;
  writev(file, buffers, position, (failed) => {
    if (failed !== null) throw failed;
    position += length;
    fdatasync(file, (lost) => {
      if (lost !== null) throw lost;
      clients.forEach((client, index) => {
        done.push(last - clients.length + index + 1);
        client.write(OK);
      });
      if (waiting.length > 0) sync();
      else busy = false;
    });
  });
}

/** Takes the dots off, however the octets are cut. */
class Body {
  readonly parts: Buffer[] = [];
  #held: Buffer = Buffer.alloc(0);
  #atLineStart = true;

  /** What follows the message; undefined: it goes on. */
  take(chunk: Buffer): Buffer | undefined {
    const octets = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    let at = 0;
    for (;;) {
      if (this.#atLineStart) {
        if (octets.length - at < 3) return this.#hold(octets, at);
        if (octets[at] === DOT) {
          if (octets[at + 1] === CR && octets[at + 2] === LF) return octets.subarray(at + 3);
          at += 1;
        }
        this.#atLineStart = false;
      }
      const next = octets.indexOf(LINE_AND_DOT, at);
      if (next === -1) {
        const until = Math.max(at, octets.length - (LINE_AND_DOT.length - 1));
        if (until > at) this.parts.push(octets.subarray(at, until));
        return this.#hold(octets, until);
      }
      this.parts.push(octets.subarray(at, next + 2));
      at = next + 2;
      this.#atLineStart = true;
    }
  }

  #hold(octets: Buffer, from: number): undefined {
    this.#held = octets.subarray(from);
  }
}

function serve(socket: Socket): void {
  const client = socket.remoteAddress ?? '';
  let greeted = false;
  let envelope: Envelope | undefined;
  let body: Body | undefined;
  let tail: Buffer = Buffer.alloc(0);

  const answer = (line: string): string => {
    const space = line.indexOf(' ');
    const verb = (space === -1 ? line : line.slice(0, space)).toUpperCase();
    const rest = space === -1 ? '' : line.slice(space + 1);
    switch (verb) {
      case 'EHLO':
      case 'HELO':
        if (rest === '') return '501 5.5.4 A name is missing\r\n';
        greeted = true;
        envelope = undefined;
        return '250-responder.example\r\n250-PIPELINING\r\n250 SIZE 104857600\r\n';
      case 'MAIL': {
        const path = PATH.exec(rest);
        if (!greeted || envelope !== undefined) return '503 5.5.1 Out of turn\r\n';
        if (path === null) return '501 5.1.7 Bad path\r\n';
        envelope = { sender: path[1] as string, recipients: [], client };
        return OK;
      }
      case 'RCPT': {
        const path = PATH.exec(rest);
        if (envelope === undefined) return '503 5.5.1 Out of turn\r\n';
        if (path === null || path[1] === '') return '501 5.1.3 Bad path\r\n';
        envelope.recipients.push(path[1] as string);
        return OK;
      }
      case 'DATA':
        if (envelope === undefined || envelope.recipients.length === 0) return '503 5.5.1 Out of turn\r\n';
        body = new Body();
        return '354 Go on\r\n';
      case 'RSET':
        envelope = undefined;
        return OK;
      case 'NOOP':
        return OK;
      default:
        return '500 5.5.2 Unknown command\r\n';
    }
  };

  socket.write('220 responder.example ESMTP\r\n');
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    let out = '';
    let rest = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
    tail = Buffer.alloc(0);
    while (rest.length > 0) {
      if (body !== undefined) {
        const behind = body.take(rest);
        if (behind === undefined) break;
        keep(envelope as Envelope, body.parts, socket);
        envelope = undefined;
        body = undefined;
        rest = behind;
        continue;
      }
      const end = rest.indexOf('\r\n');
      if (end === -1) {
        tail = rest;
        break;
      }
      const line = rest.toString('latin1', 0, end);
      rest = rest.subarray(end + 2);
      if (line.toUpperCase() === 'QUIT') {
        socket.end(`${out}221 2.0.0 Bye\r\n`);
        return;
      }
      out += answer(line);
    }
    if (out !== '') socket.write(out);
  });
}

const server = createServer({ noDelay: true }, serve);
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  const address = server.address();
  console.log(typeof address === 'object' && address !== null ? address.port : 0);
});
process.on('SIGTERM', () => {
  closeSync(file);
  process.exit(0);
});
