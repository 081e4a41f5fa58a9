// The least that a next hop says: enough SMTP for a client that plays by the rules, and each message as one buffer.
// Not for: measuring it, since it keeps whole messages; nor for bodies that need their dots taken off.

import type { Socket } from 'node:net';

const END = Buffer.from('\r\n.\r\n');
const OFFER =
  '250-hop.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 104857600\r\n250 ENHANCEDSTATUSCODES\r\n';

/** @param take is given a complete message, and calls `answer` once it may have its 250: at once or later. */
export function serveHop(socket: Socket, take: (message: Buffer, answer: () => void) => void): void {
  let inBody = false;
  let rest: Buffer = Buffer.alloc(0);
  let replies = '220 hop.test ESMTP\r\n';
  let collecting = false;
  const say = (reply: string): void => {
    if (collecting) replies += reply;
    else socket.write(reply);
  };
  const flush = (): void => {
    if (replies !== '') socket.write(replies);
    replies = '';
  };
  socket.on('error', () => socket.destroy());
  flush();
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    collecting = true;
    for (;;) {
      const end = rest.indexOf(inBody ? END : '\r\n');
      if (end === -1) break;
      if (inBody) {
        const message = rest.subarray(0, end + 2);
        rest = rest.subarray(end + END.length);
        inBody = false;
        take(message, () => say('250 2.0.0 Ok\r\n'));
        continue;
      }
      const verb = rest.subarray(0, Math.min(4, end)).toString('latin1').toUpperCase();
      rest = rest.subarray(end + 2);
      if (verb === 'QUIT') {
        socket.end(`${replies}221 2.0.0 Bye\r\n`);
        return;
      }
      inBody = verb === 'DATA';
      say(verb === 'EHLO' ? OFFER : inBody ? '354 Go on\r\n' : '250 2.0.0 Ok\r\n');
    }
    collecting = false;
    flush();
  });
}
