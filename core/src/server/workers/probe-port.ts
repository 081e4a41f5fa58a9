// Whether a port is free, asked before workers share it: among sockets that share a port, the system would let a stranger
// of the same user have a part of the clients in silence.

import { createServer } from 'node:net';
import { PosthouseError } from '../../contract/index.ts';

/** @returns the port, chosen by the system for 0. Rejects with `listen-failed`. */
export function probePort(name: string, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer((socket) => socket.destroy());
    probe.once('error', (error) => {
      const text = `listener ${name} cannot listen on ${host}:${port}: ${error.message}`;
      reject(new PosthouseError('listen-failed', text, { cause: error }));
    });
    probe.listen({ host, port }, () => {
      const address = probe.address();
      const taken = typeof address === 'object' && address !== null ? address.port : port;
      probe.close(() => resolve(taken));
    });
  });
}
