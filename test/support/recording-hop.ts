// A next hop for crash tests, run as a process of its own: keeps each message as a file in `new/` of a folder, under the
// time at which it was complete, and says 250 after that. Killed at any moment it leaves no half message there.
// Arguments: the folder, and the port (0 lets the system choose). It prints its port. Bodies must not need dot-stuffing.

import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';

const END = Buffer.from('\r\n.\r\n');
const OFFER =
  '250-hop.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 104857600\r\n250 ENHANCEDSTATUSCODES\r\n';
const [folder = '.', port = '0'] = process.argv.slice(2);
const complete = join(folder, 'new');
const incomplete = join(folder, 'tmp');
for (const each of [complete, incomplete]) mkdirSync(each, { recursive: true });
let kept = 0;

function keep(message: Uint8Array): void {
  const name = `${Date.now()}-${process.pid}-${kept++}`;
  writeFileSync(join(incomplete, name), message);
  renameSync(join(incomplete, name), join(complete, name));
}

function serve(socket: Socket): void {
  let inBody = false;
  let rest: Buffer = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.write('220 hop.example ESMTP\r\n');
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let replies = '';
    for (;;) {
      if (inBody) {
        const end = rest.indexOf(END);
        if (end === -1) break;
        keep(rest.subarray(0, end + 2));
        rest = rest.subarray(end + END.length);
        inBody = false;
        replies += '250 2.0.0 Kept\r\n';
        continue;
      }
      const end = rest.indexOf('\r\n');
      if (end === -1) break;
      const verb = rest.subarray(0, Math.min(4, end)).toString('latin1').toUpperCase();
      rest = rest.subarray(end + 2);
      if (verb === 'QUIT') {
        socket.end(`${replies}221 2.0.0 Bye\r\n`);
        return;
      }
      inBody = verb === 'DATA';
      replies += verb === 'EHLO' ? OFFER : inBody ? '354 Go on\r\n' : '250 2.0.0 Ok\r\n';
    }
    if (replies !== '') socket.write(replies);
  });
}

const server = createServer({ noDelay: true }, serve);
server.listen(Number(port), '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' && address !== null ? address.port : 0);
});
