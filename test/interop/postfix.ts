// Postfix as the hop between two Posthouses.

import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type PostfixInstance, startPostfix } from '../support/postfix-instance.ts';

/** Takes mail for everybody from loopback, offers STARTTLS, adds nothing, and hands everything to the next hop. */
export function startPostfixRelay(folder: string, nextHop: number): Promise<PostfixInstance> {
  mkdirSync(folder, { recursive: true });
  const certificate = join(folder, 'cert.pem');
  const key = join(folder, 'key.pem');
  const subject = ['-days', '2', '-subj', '/CN=postfix.posthouse.test'];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject];
  execFileSync('openssl', [...request, '-keyout', key, '-out', certificate], { stdio: 'pipe' });
  return startPostfix(
    folder,
    `myhostname = postfix.posthouse.test
relayhost = [127.0.0.1]:${nextHop}
smtpd_tls_security_level = may
smtpd_tls_cert_file = ${certificate}
smtpd_tls_key_file = ${key}
smtpd_tls_received_header = yes
local_header_rewrite_clients =
smtp_line_length_limit = 0
line_length_limit = 4096`,
  );
}
