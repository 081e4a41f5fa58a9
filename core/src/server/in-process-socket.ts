// A pair of connected sockets without a port: what a server and a client see of each other in tests.

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export interface SocketAddresses {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** The server's end behaves as a node:net Socket in all that reception/ uses; the client's end is a plain stream. */
export function connectedPair(addresses: SocketAddresses): {
  readonly server: Socket;
  readonly client: Duplex;
} {
  const server = new InProcessSocket();
  const client = new InProcessSocket();
  server.peer = client;
  client.peer = server;
  Object.assign(server, addresses);
  return { server: server as unknown as Socket, client };
}

class InProcessSocket extends Duplex {
  peer: InProcessSocket | undefined;
  #deliver: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: true, emitClose: true });
  }

  setNoDelay(): this {
    return this;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  override _read(): void {
    const deliver = this.#deliver;
    this.#deliver = undefined;
    deliver?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    const peer = this.peer as InProcessSocket;
    if (peer.destroyed) done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    // The bytes count as delivered once the peer reads on: backpressure as on a real connection.
    else if (peer.push(Buffer.from(chunk))) done();
    else peer.#deliver = () => done();
  }

  override _final(done: () => void): void {
    this.peer?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const peer = this.peer;
    if (peer && !peer.destroyed && !peer.readableEnded) peer.push(null);
    done(error);
  }
}
