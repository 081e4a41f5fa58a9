// TLS on one socket: what a listener asks for, the wrapping, and the facts of the connection once it is up.

import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket, type TLSSocketOptions } from 'node:tls';
import type { ClientCertificateFacts, TlsFacts } from '../contract/index.ts';

/** The TLS of one listener. */
export interface ListenerTls {
  readonly clientCertificates: 'none' | 'request' | 'require';
  /**
   * For the next handshake: one object for all connections until certificates are reloaded, so that a connection costs
   * no context and no closure of its own.
   */
  readonly options: TLSSocketOptions;
}

export function secureSocket(plain: Socket, { options }: ListenerTls): TLSSocket {
  return new TLSSocket(plain, options);
}

/** Call it when the handshake is through. */
export function tlsFacts(socket: TLSSocket, { clientCertificates }: ListenerTls): TlsFacts {
  const serverName = (socket as TLSSocket & { servername?: string | false }).servername;
  const client = clientCertificates === 'none' ? undefined : clientCertificate(socket);
  return {
    version: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().standardName,
    ...(typeof serverName === 'string' && { serverName }),
    ...(client !== undefined && { client }),
  };
}

function clientCertificate(socket: TLSSocket): ClientCertificateFacts | undefined {
  const certificate: X509Certificate | undefined = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const problem = verificationProblem(socket);
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    fingerprint: certificate.fingerprint256,
    verified: problem === undefined,
    ...(problem !== undefined && { problem }),
  };
}

interface Verifier {
  verifyError?(): (Error & { readonly code?: string }) | null | undefined;
}

/**
 * OpenSSL's verdict on the client's certificate. Node tells it of sockets that its own tls.Server made and of no
 * others, so the handle is asked; a Node in which it cannot be asked trusts no client.
 */
function verificationProblem(socket: TLSSocket): string | undefined {
  const { _handle: handle } = socket as TLSSocket & { readonly _handle?: Verifier };
  if (handle?.verifyError === undefined) return 'cannot be verified';
  const error = handle.verifyError();
  return error === null || error === undefined ? undefined : error.message;
}

/** Node writes a distinguished name with one attribute on each line. */
function oneLine(name: string): string {
  return name.split('\n').join(', ');
}
