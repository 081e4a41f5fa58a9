// Certificates for the tests of `verify`: a CA of their own, and what it signs.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Pair {
  readonly key: string;
  readonly cert: string;
}

export interface TestCa extends Disposable {
  /** The CA's certificate. */
  readonly file: string;
  /** @param names as in subjectAltName @param times `notBefore` and `notAfter`, as YYYYMMDDHHMMSSZ */
  issue(names: string, times?: readonly [string, string]): Pair;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export function makeCa(): TestCa {
  const folder = mkdtempSync(join(tmpdir(), 'posthouse-'));
  const file = (name: string): string => join(folder, name);
  const run = (...args: string[]): unknown => execFileSync('openssl', args, { stdio: 'pipe', cwd: folder });
  const about = ['-subj', '/CN=CA of the test', '-days', '2'];
  run('req', '-x509', ...NEW_KEY, ...about, '-keyout', file('ca.key'), '-out', file('ca.pem'));
  writeFileSync(
    file('ca.cnf'),
    [
      '[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nrand_serial=yes\nnew_certs_dir=.\ndefault_md=sha256',
      'policy=any\ncopy_extensions=copy\nunique_subject=no\n[any]\ncommonName=supplied\n',
    ].join('\n'),
  );
  writeFileSync(file('index.txt'), '');
  return {
    file: file('ca.pem'),
    issue(names, times) {
      const subject = ['-subj', '/CN=hop', '-addext', `subjectAltName=${names}`];
      run('req', ...NEW_KEY, ...subject, '-keyout', file('hop.key'), '-out', file('hop.csr'));
      const valid = times ? ['-startdate', times[0], '-enddate', times[1]] : ['-days', '2'];
      const by = ['-batch', '-notext', '-config', file('ca.cnf'), '-cert', file('ca.pem')];
      const files = ['-keyfile', file('ca.key'), '-in', file('hop.csr'), '-out', file('hop.pem')];
      run('ca', ...by, ...valid, ...files);
      return { key: readFileSync(file('hop.key'), 'utf8'), cert: readFileSync(file('hop.pem'), 'utf8') };
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}
