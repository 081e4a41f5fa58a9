// A self-signed certificate for loopback, made by openssl, for servers that tests start and clients that shall trust them.

import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export function makeCertificate(folder: string): CertificateFiles {
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  execFileSync('openssl', [...request, ...names, '-keyout', files.key, '-out', files.cert], {
    stdio: 'pipe',
  });
  // Clients that run as users of their own read it too.
  chmodSync(files.cert, 0o644);
  return files;
}
