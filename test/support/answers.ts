// Whether an SMTP server answers yet: what one asks of a program that has just been started.

import { connect } from 'node:net';

/** True when it greets, false when nobody listens or the connection ends without a word. */
export function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => {
      socket.end('QUIT\r\n');
      resolve(true);
    });
    // An error closes it, too.
    socket.once('error', () => {});
    socket.once('close', () => resolve(false));
  });
}
