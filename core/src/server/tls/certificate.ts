// One certificate with its key: read from its files, held to be a pair, and what it says of itself.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { CertificateFiles } from './settings.ts';

export interface Certificate {
  /** The file, as errors and logs name it. */
  readonly source: string;
  /** PEM, with the chain. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** The DNS names in subjectAltName, lower case. A client compares with no other (RFC 9525 §6.3). */
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  /** SHA-256 of its DER, as `openssl x509 -fingerprint -sha256` writes it. */
  readonly fingerprint: string;
}

/** Throws an Error that says what is wrong with which file. */
export function readCertificate(files: CertificateFiles): Certificate {
  return certificateOf(files.cert, readFileSync(files.cert, 'utf8'), readFileSync(files.key, 'utf8'));
}

/** Throws an Error where the two are no pair. */
export function certificateOf(source: string, cert: string, key: string): Certificate {
  const x509 = new X509Certificate(cert);
  if (!x509.checkPrivateKey(createPrivateKey(key))) throw new Error('the key is not that of the certificate');
  return {
    source,
    cert,
    key,
    names: dnsNames(x509.subjectAltName),
    notAfter: Date.parse(x509.validTo),
    fingerprint: x509.fingerprint256,
  };
}

/** `DNS:mx.example.org, IP Address:192.0.2.1`; what Node has put into quotes is no host name. */
function dnsNames(subjectAltName: string | undefined): readonly string[] {
  return (subjectAltName ?? '')
    .split(', ')
    .filter((name) => name.startsWith('DNS:') && !name.includes('"'))
    .map((name) => name.slice(4).toLowerCase());
}
