// Whether the certificate of a next hop is what `verify` asks for: a chain to a CA that we trust (RFC 5280 §6), and a
// name that we looked for (RFC 7817 §3). What is wrong is said in words that an operator can act on.

import type { X509Certificate } from 'node:crypto';
import { checkServerIdentity, createSecureContext, getCACertificates, type TLSSocket } from 'node:tls';
import { printable } from '../smtp/index.ts';
import type { TlsTrust } from './settings.ts';
import type { TlsFault } from './trouble.ts';

/** What a certificate may say of itself in an outcome: the hop wrote it. */
const MAX_TEXT = 200;

/** Reads once; a context for each connection would read hundreds of certificates again. Throws when `pem` is none. */
export function trustIn(pem: string | undefined): TlsTrust {
  if (pem !== undefined && !pem.includes('-----BEGIN CERTIFICATE-----'))
    throw new TypeError('there is no PEM certificate in it');
  const system = pem === undefined ? getCACertificates('system') : [];
  // A system without CAs of its own: those that Node brings.
  const ca = pem ?? (system.length > 0 ? system : getCACertificates('bundled'));
  return { secureContext: createSecureContext({ ca: ca as string | string[] }) };
}

/** Why the peer is not to be trusted; undefined when it is. @param names any one of them will do */
export function certificateFault(socket: TLSSocket, names: readonly string[]): TlsFault | undefined {
  const certificate = socket.getPeerCertificate();
  if (!socket.authorized) return faultOfChain(String(socket.authorizationError), certificate.valid_to);
  // RFC 7817 §3: subjectAltName; the common name only where a certificate has no DNS name at all.
  if (names.some((name) => checkServerIdentity(name, certificate) === undefined)) return undefined;
  const presented = certificate.subjectaltname ?? `CN:${certificate.subject?.CN ?? ''}`;
  const text = `its certificate is for ${shown(presented)}, not for ${names.join(' or ')}`;
  return { kind: 'certificate-host-mismatch', text };
}

/** What the peer has sent, its own certificate first. To be asked once: Node takes the chain out of the socket. */
export function presentedChain(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let each = socket.getPeerX509Certificate(); each !== undefined; each = each.issuerCertificate)
    chain.push(each);
  return chain;
}

function faultOfChain(code: string, until: string | undefined): TlsFault {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return expired(`has expired (its own is valid to ${shown(until ?? '')})`);
    case 'CERT_NOT_YET_VALID':
      return expired('is not valid yet');
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return untrusted('its certificate is self-signed');
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return untrusted('its certificate is not signed by a CA that we trust');
    default:
      return { kind: 'validation-failure', text: `its certificate is not valid: ${shown(code)}` };
  }
}

function expired(what: string): TlsFault {
  return { kind: 'certificate-expired', text: `its certificate, or one that signed it, ${what}` };
}

function untrusted(text: string): TlsFault {
  return { kind: 'certificate-not-trusted', text };
}

function shown(text: string): string {
  const safe = printable(text);
  return safe.length > MAX_TEXT ? `${safe.slice(0, MAX_TEXT)}…` : safe;
}
