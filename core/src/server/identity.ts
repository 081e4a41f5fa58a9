// Who this server is, for the transports' loop protection: its name, and the addresses and ports that lead to it.

import { networkInterfaces } from 'node:os';
import type { ServerIdentity } from '../contract/index.ts';
import type { ListenerAddress } from '../reception/index.ts';

export class OwnIdentity implements ServerIdentity {
  readonly hostname: string;
  #listening: readonly ListenerAddress[] = [];

  constructor(hostname: string) {
    this.hostname = hostname;
  }

  /** Called when the listeners have their addresses. */
  listening(on: readonly ListenerAddress[]): void {
    this.#listening = on;
  }

  isSelf(host: string, address: string, port: number): boolean {
    if (host.toLowerCase().replace(/\.$/, '') === this.hostname) return true;
    return this.#listening.some(
      (listener) =>
        listener.port === port &&
        (listener.host === address || (isWildcard(listener.host) && isOwn(address))),
    );
  }
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function isOwn(address: string): boolean {
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some((own) => own.address === address),
  );
}
