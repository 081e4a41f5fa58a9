// TLSA records against real certificates: a root, a CA below it, and a host's certificate below that.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type TlsaRecord, tlsaFault, usableTlsa } from '../../src/client/tlsa.ts';

const { root, ca, host, stranger, fake } = certificates();
const now = Date.now();

function certificates() {
  const folder = mkdtempSync(join(tmpdir(), 'posthouse-'));
  const run = (...args: string[]): unknown => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const self = (name: string, subject: string): unknown =>
    run(
      'req',
      '-x509',
      ...key,
      '-subj',
      subject,
      '-days',
      '2',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    );
  const issue = (name: string, by: string, extensions: string, subject = `/CN=${name}`): void => {
    writeFileSync(join(folder, 'ext'), extensions);
    run('req', ...key, '-subj', subject, '-keyout', `${name}.key`, '-out', 'csr');
    run(
      'x509',
      '-req',
      '-in',
      'csr',
      '-CA',
      `${by}.pem`,
      '-CAkey',
      `${by}.key`,
      '-days',
      '2',
      '-extfile',
      'ext',
      '-out',
      `${name}.pem`,
    );
  };
  try {
    self('root', '/CN=root');
    self('stranger', '/CN=stranger');
    issue('ca', 'root', 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n');
    issue('host', 'ca', 'subjectAltName=DNS:mx.b.example\nbasicConstraints=CA:FALSE\n');
    // Signed by a certificate that is none of a CA.
    issue('fake', 'host', 'subjectAltName=DNS:mx.b.example\n');
    const read = (name: string): X509Certificate =>
      new X509Certificate(readFileSync(join(folder, `${name}.pem`)));
    return {
      root: read('root'),
      ca: read('ca'),
      host: read('host'),
      stranger: read('stranger'),
      fake: read('fake'),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const NONE = 0;
const HASHES: Readonly<Record<number, string>> = { 1: 'sha256', 2: 'sha512' };

function record(usage: number, selector: number, matchingType: number, of: X509Certificate): TlsaRecord {
  const selected = selector === 0 ? of.raw : of.publicKey.export({ type: 'spki', format: 'der' });
  const hash = HASHES[matchingType];
  return {
    usage,
    selector,
    matchingType,
    data: hash ? createHash(hash).update(selected).digest() : selected,
  };
}

const DAY = 86_400_000;
const YES = undefined;
const NO = /not one that its TLSA records vouch for/;

interface Case {
  readonly chain?: readonly X509Certificate[];
  readonly names?: readonly string[];
  readonly now?: number;
}

const CHAIN = [host, ca, root];
const rows: readonly (readonly [string, readonly TlsaRecord[], Case, RegExp | undefined])[] = [
  ['usage 3, its key by SHA-256', [record(3, 1, 1, host)], {}, YES],
  ['usage 3, its key by SHA-512', [record(3, 1, 2, host)], {}, YES],
  ['usage 3, its whole key', [record(3, 1, NONE, host)], {}, YES],
  ['usage 3, its certificate by SHA-256', [record(3, 0, 1, host)], {}, YES],
  ['usage 3, its certificate by SHA-512', [record(3, 0, 2, host)], {}, YES],
  ['usage 3, its whole certificate', [record(3, 0, NONE, host)], {}, YES],
  ['usage 3, another key', [record(3, 1, 1, stranger)], {}, NO],
  ['usage 3 is about its own certificate, not that of its CA', [record(3, 1, 1, ca)], {}, NO],
  ['usage 3 asks for no name', [record(3, 1, 1, host)], { names: ['other.example'] }, YES],
  ['usage 3 asks for no date', [record(3, 1, 1, host)], { now: now + 900 * DAY }, YES],
  ['one of several is enough', [record(3, 1, 1, stranger), record(3, 1, 1, host)], {}, YES],
  ['usage 2, its CA', [record(2, 1, 1, ca)], {}, YES],
  ['usage 2, its root, across the CA', [record(2, 0, 1, root)], {}, YES],
  ['usage 2, the chain in any order', [record(2, 0, 1, root)], { chain: [host, root, ca] }, YES],
  [
    'usage 2, the chain with strangers in it',
    [record(2, 0, 1, root)],
    { chain: [host, stranger, ca, root] },
    YES,
  ],
  ['usage 2, without the anchor in the chain', [record(2, 0, 1, root)], { chain: [host, ca] }, NO],
  ['usage 2, the anchor whole in the record', [record(2, 0, NONE, root)], { chain: [host, ca] }, YES],
  ["usage 2, the anchor's key whole in the record", [record(2, 1, NONE, root)], { chain: [host, ca] }, YES],
  ['usage 2, the key of another anchor', [record(2, 1, NONE, stranger)], { chain: [host, ca] }, NO],
  ['usage 2, without the CA between', [record(2, 0, 1, root)], { chain: [host, root] }, NO],
  [
    'usage 2, an anchor that is shown and has signed nothing',
    [record(2, 0, 1, stranger)],
    { chain: [host, stranger] },
    NO,
  ],
  ['usage 2 is no statement about its own certificate', [record(2, 0, 1, host)], {}, NO],
  ['usage 2, signed by a certificate that is no CA', [record(2, 0, 1, host)], { chain: [fake, host] }, NO],
  [
    'usage 2, the wrong name',
    [record(2, 1, 1, ca)],
    { names: ['other.example'] },
    /which is not for other\.example/,
  ],
  ['usage 2, one name of several', [record(2, 1, 1, ca)], { names: ['other.example', 'mx.b.example'] }, YES],
  ['usage 2, expired', [record(2, 1, 1, ca)], { now: now + 3 * DAY }, NO],
  ['usage 2, not valid yet', [record(2, 1, 1, ca)], { now: now - DAY }, NO],
  ['the strongest digest decides: RFC 7671 §9', [record(3, 1, 1, host), record(3, 1, 2, stranger)], {}, NO],
  [
    'digests of another usage or selector do not weaken each other',
    [record(3, 1, 1, host), record(3, 0, 2, stranger), record(2, 1, 2, stranger)],
    {},
    YES,
  ],
  ['no certificate', [record(3, 1, 1, host)], { chain: [] }, /no certificate/],
];

for (const [name, records, { chain = CHAIN, names = ['mx.b.example'], now: at = now }, expected] of rows) {
  test(name, () => {
    assert.deepEqual(usableTlsa(records), records);
    const fault = tlsaFault({ chain, records, names, now: at });
    if (expected === undefined) assert.equal(fault, undefined);
    else assert.match(fault?.text ?? 'no fault', expected);
  });
}

test('records that nothing can be held to are not usable', () => {
  const good = record(3, 1, 1, host);
  const all: readonly TlsaRecord[] = [
    { ...good, usage: 0 },
    { ...good, usage: 1 },
    { ...good, usage: 4 },
    { ...good, selector: 2 },
    { ...good, matchingType: 3 },
    { ...good, data: good.data.subarray(1) },
    { ...good, matchingType: 2 },
    { ...good, data: new Uint8Array() },
    { ...good, matchingType: 0, data: Buffer.from('no key') },
    { ...good, selector: 0, matchingType: 0, data: Buffer.from('no certificate') },
  ];
  assert.deepEqual(usableTlsa(all), []);
  assert.deepEqual(usableTlsa([...all, good]), [good]);
});
