// The next hop of the relay job: takes everything and counts. Run as a process of its own, so that its cost is nobody's;
// it prints its port, then the count whenever it is asked by a line on standard input.

import { createServer } from 'node:net';

const END = Buffer.from('\r\n.\r\n');
let received = 0;

const server = createServer({ noDelay: true }, (socket) => {
  let inBody = false;
  let tail = Buffer.alloc(0);
  socket.write('220 sink.example ESMTP\r\n');
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    let out = '';
    let rest = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
    for (;;) {
      if (inBody) {
        const end = rest.indexOf(END);
        if (end === -1) {
          tail = Buffer.from(rest.subarray(Math.max(0, rest.length - 4)));
          break;
        }
        received += 1;
        inBody = false;
        out += '250 2.0.0 Ok\r\n';
        rest = rest.subarray(end + END.length);
      } else {
        const end = rest.indexOf('\r\n');
        if (end === -1) {
          tail = Buffer.from(rest);
          break;
        }
        const verb = rest.subarray(0, Math.min(4, end)).toString('latin1').toUpperCase();
        // The CRLF stays: it may be the first half of an empty message's end.
        rest = rest.subarray(verb === 'DATA' ? end : end + 2);
        if (verb === 'EHLO')
          out +=
            '250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 104857600\r\n250 ENHANCEDSTATUSCODES\r\n';
        else if (verb === 'DATA') {
          out += '354 Go on\r\n';
          inBody = true;
        } else if (verb === 'QUIT') {
          socket.end(`${out}221 2.0.0 Bye\r\n`);
          return;
        } else out += '250 2.0.0 Ok\r\n';
      }
    }
    if (out !== '') socket.write(out);
  });
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' && address !== null ? address.port : 0);
});
process.stdin.on('data', () => console.log(received));
process.stdin.on('end', () => process.exit(0));
