// A socket from a proxy, until its PROXY header has come: who is behind it is not known before. What follows the header
// is put back for whoever reads next, in plain or through TLS.

import type { Socket } from 'node:net';
import { type ProxyHeader, readProxyHeader } from './proxy-header.ts';

export class ProxiedSocket {
  readonly socket: Socket;
  readonly #since: number;
  readonly #then: (header: ProxyHeader | { readonly fault: string }) => void;
  #heard: Buffer = Buffer.alloc(0);

  /**
   * @param then called once, with the header or with what is wrong; the socket is paused by then, and nobody listens to
   * it but for errors
   */
  constructor(
    socket: Socket,
    since: number,
    then: (header: ProxyHeader | { readonly fault: string }) => void,
  ) {
    this.socket = socket;
    this.#since = since;
    this.#then = then;
    socket.on('data', this.#onData);
    socket.on('end', this.#onGone);
    socket.on('close', this.#onGone);
    socket.on('error', ignore);
  }

  checkDeadline(now: number, deadline: number): void {
    if (now - this.#since > deadline) this.#end({ fault: 'no PROXY header in time' });
  }

  readonly #onData = (bytes: Buffer): void => {
    this.#heard = this.#heard.length === 0 ? bytes : Buffer.concat([this.#heard, bytes]);
    const reading = readProxyHeader(this.#heard);
    if (reading === undefined) return;
    if ('fault' in reading) {
      this.#end(reading);
      return;
    }
    this.socket.pause();
    const rest = this.#heard.subarray(reading.length);
    this.#end(reading.header, rest);
  };

  readonly #onGone = (): void => this.#end({ fault: 'the proxy left before the PROXY header' });

  #end(result: ProxyHeader | { readonly fault: string }, rest?: Buffer): void {
    const { socket } = this;
    socket.removeListener('data', this.#onData);
    socket.removeListener('end', this.#onGone);
    socket.removeListener('close', this.#onGone);
    if (rest !== undefined && rest.length > 0) socket.unshift(rest);
    this.#then(result);
    socket.removeListener('error', ignore);
  }
}

function ignore(): void {
  // What became of the socket is told by 'close'.
}
