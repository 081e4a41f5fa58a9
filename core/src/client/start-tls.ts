// The socket of a connection turns into a TLS socket: what is asked of the handshake.

import { isIP, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { TlsTrust } from './settings.ts';
import type { Target } from './target.ts';

/**
 * Begins the handshake; the clear socket's listeners are gone. Whether the peer is trusted is for the caller to see
 * when it is done, and without `trust` there is nothing to see (RFC 7435).
 */
export function beginTls(
  clear: Socket,
  { host, serverName = host }: Target,
  trust: TlsTrust | undefined,
): TLSSocket {
  clear.removeAllListeners('data').removeAllListeners('end');
  clear.removeAllListeners('error').removeAllListeners('close');
  clear.on('error', () => {});
  return connect({
    socket: clear,
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ...trust,
    // RFC 6066 §3: no address is a server's name.
    ...(isIP(serverName) === 0 && { servername: serverName }),
  });
}
