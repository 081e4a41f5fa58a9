// What an SMTP server costs that does nothing but what it must: it answers, and it syncs a message to the disk before its
// 250. No checks, no queue that could be read again, no log. Run as `node responder.js <file>`; prints its port.
//
// Messages go one behind the other into a file of a fixed size that is written anew from its head; whatever has arrived
// while a sync was under way shares the next one.

import { closeSync, fdatasync, openSync, writeSync, writev } from 'node:fs';
import { createServer, type Socket } from 'node:net';

/** A file that does not grow is synced in a third of the time. */
const FILE = 256 * 1024 * 1024;
const END = Buffer.from('\r\n.\r\n');
const TEXT_OF = { EHLO: '250-responder.example\r\n250-PIPELINING\r\n250 SIZE 104857600\r\n' } as const;

const file = openSync(process.argv[2] as string, 'w+');
for (let at = 0; at < FILE; at += 1024 * 1024) writeSync(file, Buffer.alloc(1024 * 1024), 0, 1024 * 1024, at);

let position = 0;
let pending: Buffer[] = [];
let waiting: Socket[] = [];
let busy = false;

function keep(message: readonly Buffer[], client: Socket): void {
  pending.push(...message);
  waiting.push(client);
  if (!busy) setImmediate(sync);
  busy = true;
}

function sync(): void {
  const buffers = pending;
  const clients = waiting;
  pending = [];
  waiting = [];
  const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  if (position + length > FILE) position = 0;
  writev(file, buffers, position, (failed) => {
    if (failed !== null) throw failed;
    position += length;
    fdatasync(file, (lost) => {
      if (lost !== null) throw lost;
      for (const client of clients) client.write('250 2.0.0 Ok\r\n');
      if (waiting.length > 0) sync();
      else busy = false;
    });
  });
}

function serve(socket: Socket): void {
  let message: Buffer[] | undefined;
  let tail: Buffer = Buffer.alloc(0);
  socket.write('220 responder.example ESMTP\r\n');
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    let out = '';
    let rest = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
    tail = Buffer.alloc(0);
    while (rest.length > 0) {
      if (message !== undefined) {
        const end = rest.indexOf(END);
        if (end === -1) {
          const whole = Math.max(0, rest.length - (END.length - 1));
          message.push(rest.subarray(0, whole));
          tail = rest.subarray(whole);
          break;
        }
        message.push(rest.subarray(0, end + END.length));
        keep(message, socket);
        message = undefined;
        rest = rest.subarray(end + END.length);
        continue;
      }
      const end = rest.indexOf('\r\n');
      if (end === -1) {
        tail = rest;
        break;
      }
      const verb = rest.subarray(0, Math.min(4, end)).toString('latin1').toUpperCase();
      rest = rest.subarray(end + 2);
      if (verb === 'QUIT') {
        socket.end(`${out}221 2.0.0 Bye\r\n`);
        return;
      }
      if (verb === 'DATA') message = [];
      out += verb === 'DATA' ? '354 Go on\r\n' : verb === 'EHLO' ? TEXT_OF.EHLO : '250 2.0.0 Ok\r\n';
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
