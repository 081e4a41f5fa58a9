// The `tls` section of a configuration: which certificates, and what is asked of a TLS connection.

import { type Static, Type } from 'typebox';
import { Duration, FilePath } from '../../contract/index.ts';

const CERT = 'The certificate with its chain, PEM.';
const KEY = 'Its private key, PEM.';

/** With forward secrecy and authenticated encryption, whatever the version (RFC 9325 §4.2). */
export const DEFAULT_CIPHERS: string = [
  'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

export const TlsSchema = Type.Object(
  {
    cert: Type.Optional(FilePath({ description: CERT })),
    key: Type.Optional(FilePath({ description: KEY })),
    certificates: Type.Array(
      Type.Object(
        { cert: FilePath({ description: CERT }), key: FilePath({ description: KEY }) },
        { additionalProperties: false },
      ),
      {
        default: [],
        description:
          'More certificates. Of all of them a client gets the one whose names (subjectAltName, `*.` included) have the name that it asks for (SNI), and the first where none has.',
      },
    ),
    minVersion: Type.Unsafe<'TLSv1.2' | 'TLSv1.3'>({
      type: 'string',
      enum: ['TLSv1.2', 'TLSv1.3'],
      default: 'TLSv1.2',
      description: 'The oldest version that is spoken.',
    }),
    ciphers: Type.Optional(
      Type.String({
        description:
          "The cipher suites, in OpenSSL's words. Default: those of TLS 1.3, and of TLS 1.2 ECDHE with AES-GCM or ChaCha20-Poly1305.",
      }),
    ),
    expiryWarning: Duration({
      default: '14d',
      description: 'How long before its end a certificate is warned of, at the start and daily.',
    }),
  },
  { additionalProperties: false },
);
export type TlsSettings = Static<typeof TlsSchema>;

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** All of them, the default first. */
export function certificateFiles({ cert, key, certificates }: TlsSettings): readonly CertificateFiles[] {
  return cert === undefined || key === undefined ? certificates : [{ cert, key }, ...certificates];
}
