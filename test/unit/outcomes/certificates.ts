// Certificates of the scripted hops: each is its own authority, so a client that trusts the file trusts all of them,
// and what is wrong with one is its name or its time. Made by openssl.

import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

export interface Pair {
  readonly key: string;
  readonly cert: string;
}

const folder = mkdtempSync(join(tmpdir(), 'posthouse-'));
after(() => rmSync(folder, { recursive: true }));

function run(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe', cwd: folder });
}

let issued = 0;

function issue(host: string, from: string, to: string): Pair {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'key.pem'];
  run(
    'req',
    ...key,
    '-subj',
    `/CN=hop ${issued++}`,
    '-addext',
    `subjectAltName=DNS:${host}`,
    '-out',
    'hop.csr',
  );
  const by = ['-selfsign', '-batch', '-notext', '-config', 'ca.cnf', '-keyfile', 'key.pem'];
  run('ca', ...by, '-startdate', from, '-enddate', to, '-in', 'hop.csr', '-out', 'hop.pem');
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return { key: read('key.pem'), cert: read('hop.pem') };
}

writeFileSync(
  join(folder, 'ca.cnf'),
  [
    '[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nrand_serial=yes\nnew_certs_dir=.\ndefault_md=sha256',
    'policy=any\ncopy_extensions=copy\nunique_subject=no\n[any]\ncommonName=supplied\n',
  ].join('\n'),
);
writeFileSync(join(folder, 'index.txt'), '');

export const GOOD = issue('mx1.b.example', '20200101000000Z', '20900101000000Z');
export const GOOD_FOR_SECOND = issue('mx2.b.example', '20200101000000Z', '20900101000000Z');
export const OF_OTHERS = issue('mx.other.example', '20200101000000Z', '20900101000000Z');
export const EXPIRED = issue('mx1.b.example', '20200101000000Z', '20210101000000Z');

const TRUSTED = [GOOD, GOOD_FOR_SECOND, OF_OTHERS, EXPIRED];
export const CA_FILE = join(folder, 'trusted.pem');
writeFileSync(CA_FILE, TRUSTED.map(({ cert }) => cert).join(''));

/** What a TLSA record of usage 3 (DANE-EE) says of the key, for a line of a zone: RFC 7671 §5.1 advises this kind. */
export function tlsaOf({ cert }: Pair): string {
  const key = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  return `3 1 1 ${createHash('sha256').update(key).digest('hex')}`;
}
