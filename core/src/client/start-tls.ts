// The socket of a connection turns into a TLS socket: what is asked of the handshake, and of whom it was made with.

import { isIP, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { certificateFault, presentedChain } from './peer-certificate.ts';
import type { TlsMode, TlsTrust } from './settings.ts';
import type { Target } from './target.ts';
import { tlsaFault } from './tlsa.ts';
import type { TlsFault } from './trouble.ts';

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

/** What is wrong with the peer by what the target asks for. To be asked once. @param now milliseconds since the epoch */
export function faultOfPeer(
  secure: TLSSocket,
  { host, names = [host], tlsa: records = [], trial }: Target,
  tls: TlsMode,
  now: number,
): TlsFault | undefined {
  if (tls === 'verify' || trial !== undefined) return certificateFault(secure, names);
  if (tls !== 'dane') return undefined;
  return tlsaFault({ chain: presentedChain(secure), records, names, now });
}
