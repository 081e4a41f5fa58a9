// What ties a SCRAM exchange to the TLS channel that it runs in.

import { createHash, X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** The data of a type of channel binding, or undefined where this connection has none. */
export function channelBinding(socket: Socket, type: string): Uint8Array | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  if (type === 'tls-exporter') return exported(socket);
  if (type === 'tls-server-end-point') return ofCertificate(socket);
  return undefined;
}

/** RFC 9266 §2: unique only in TLS 1.3, or with an extension whose use OpenSSL does not tell. */
function exported(socket: TLSSocket): Uint8Array | undefined {
  if (socket.getProtocol() !== 'TLSv1.3') return undefined;
  return socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
}

/** RFC 5929 §4.1: the certificate's hash by its signature's own algorithm, and SHA-256 instead of MD5 and SHA-1. */
function ofCertificate(socket: TLSSocket): Uint8Array | undefined {
  const { raw } = (socket.getCertificate() ?? {}) as { raw?: Buffer };
  if (raw === undefined) return undefined;
  const { signatureAlgorithm = '' } = new X509Certificate(raw) as X509Certificate & {
    signatureAlgorithm?: string;
  };
  const hash =
    /sha(256|384|512|224|1)\b/i.exec(signatureAlgorithm)?.[1] ?? (/md5/i.test(signatureAlgorithm) ? '1' : '');
  // Ed25519 and its like use no single hash function: the type is not defined for them.
  if (hash === '') return undefined;
  return createHash(hash === '1' ? 'sha256' : `sha${hash}`)
    .update(raw)
    .digest();
}
