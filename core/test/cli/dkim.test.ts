import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { faultOfPublished, isTesting, recordOf, zoneLine } from '../../src/cli/dkim-record.ts';
import { inProcess, type Said } from './posthouse.ts';

const folder = mkdtempSync(join(tmpdir(), 'posthouse-dkim-'));
after(() => rmSync(folder, { recursive: true }));

const dkim = (action: string, key: string, ...more: string[]): Promise<Said> =>
  inProcess([
    'dkim',
    action,
    '--domain',
    'Example.org',
    '--selector',
    's1',
    '--key',
    join(folder, key),
    ...more,
  ]);

test('keygen writes the key for its owner alone and prints the record as a line of a zone file', async () => {
  const { code, out, said } = await dkim('keygen', 'rsa.key');
  assert.deepEqual([code, said.includes('Publish the record')], [0, true]);
  assert.equal(statSync(join(folder, 'rsa.key')).mode & 0o777, 0o600);
  assert.match(readFileSync(join(folder, 'rsa.key'), 'utf8'), /^-----BEGIN PRIVATE KEY-----\n/);
  assert.match(
    out,
    /^s1\._domainkey\.example\.org\. IN TXT \( "v=DKIM1; k=rsa; p=MII[A-Za-z0-9+/]{233,}"\n\t"[A-Za-z0-9+/=]+" \)\n$/,
  );
  for (const [, text = ''] of out.matchAll(/"([^"]*)"/g)) assert.ok(text.length <= 255);
  assert.equal((await dkim('record', 'rsa.key')).out, out);
});

test('keygen overwrites nothing', async () => {
  writeFileSync(join(folder, 'there.key'), 'precious');
  const { code, said } = await dkim('keygen', 'there.key');
  assert.equal(code, 1);
  assert.match(said, /there\.key cannot be written: there is a file already, and it is left alone/);
  assert.equal(readFileSync(join(folder, 'there.key'), 'utf8'), 'precious');
});

test('an Ed25519 key is published as its 32 octets, in one string', async () => {
  const { out } = await dkim('keygen', 'ed.key', '--algorithm', 'ed25519');
  assert.match(out, /^s1\._domainkey\.example\.org\. IN TXT "v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{43}="\n$/);
});

const wrong: readonly (readonly [given: readonly string[], code: number, said: RegExp])[] = [
  [['dkim'], 2, /say what to do, one of keygen, record, check/],
  [['dkim', 'keygn'], 2, /did you mean keygen\?/],
  [['dkim', 'keygen', '--domain', 'd.example'], 2, /needs --selector/],
  [['dkim', 'keygen', '--domain', 'd example'], 2, /--domain d example is not a name that DNS knows/],
  [
    [
      'dkim',
      'keygen',
      '--domain',
      'd.example',
      '--selector',
      's',
      '--key',
      '/nowhere/k',
      '--algorithm',
      'rsaa',
    ],
    2,
    /--algorithm must be one of rsa, ed25519; did you mean rsa\?/,
  ],
  [
    ['dkim', 'keygen', '--domain', 'd.example', '--selector', 's', '--key', '/nowhere/k'],
    1,
    /\/nowhere\/k cannot be written: ENOENT/,
  ],
  [
    ['dkim', 'record', '--domain', 'd.example', '--selector', 's', '--key', '/nowhere/k'],
    1,
    /cannot be read: ENOENT/,
  ],
];
for (const [given, code, said] of wrong) {
  test(`told what is wrong: posthouse ${given.join(' ')}`, async () => {
    const answer = await inProcess(given);
    assert.equal(answer.code, code);
    assert.match(answer.said, said);
  });
}

const { privateKey } = generateKeyPairSync('ed25519');
const ours = recordOf(privateKey);
const p = ours.slice(ours.indexOf('p='));
const published: readonly (readonly [records: readonly string[], fault: RegExp | undefined])[] = [
  [[ours], undefined],
  [[`k=ed25519; ${p}`], undefined],
  [[`v=DKIM1;k=ed25519;h=sha1:sha256;s=email;t=s;${p};`], undefined],
  [['v=spf1 -all', ours], undefined],
  [[], /there is no TXT record/],
  [['v=spf1 -all'], /none with a key/],
  [[ours, ours], /there are 2 records with keys/],
  [[`v=DKIM2; k=ed25519; ${p}`], /its version is v=DKIM2/],
  [[`v=DKIM1; ${p}`], /it is for k=rsa, and the key for k=ed25519/],
  [['v=DKIM1; k=ed25519; p='], /revoked/],
  [['v=DKIM1; k=ed25519; p=AAAA'], /another key/],
  [[`${ours}; h=sha1`], /does not allow sha256/],
  [[`${ours}; s=other`], /does not allow email/],
];
for (const [records, fault] of published) {
  test(`published: ${JSON.stringify(records.map((text) => text.replace(p, 'p=…')))}`, () => {
    const found = faultOfPublished(records, ours);
    if (fault === undefined) assert.equal(found, undefined);
    else assert.match(found ?? '', fault);
  });
}

test('a key that is only tested with is told apart', () => {
  assert.equal(isTesting([`${ours}; t=y:s`]), true);
  assert.equal(isTesting([`${ours}; t=s`]), false);
});

test('a string of a TXT record holds 255 octets', () => {
  assert.equal(zoneLine('n', 'x'.repeat(255)), `n. IN TXT "${'x'.repeat(255)}"`);
  assert.equal(zoneLine('n', 'x'.repeat(256)), `n. IN TXT ( "${'x'.repeat(255)}"\n\t"x" )`);
});

test('check asks the DNS servers of the configuration, and says what differs', async () => {
  const file = join(folder, 'check.key');
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  let text = ours;
  const server = createSocket('udp4');
  server.on('message', (query, from) => {
    const { id, questions = [] } = decode(query);
    const name = questions[0]?.name ?? '';
    const answers = [{ type: 'TXT' as const, name, data: text }];
    server.send(encode({ type: 'response', id, questions, answers }), from.port, from.address);
  });
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
  try {
    const config = join(folder, 'posthouse.yaml');
    const listeners = [{ name: 'mx', port: 0 }];
    const dns = { servers: [`127.0.0.1:${server.address().port}`] };
    writeFileSync(config, JSON.stringify({ hostname: 'mx.example.org', listeners, dns }));
    const good = await dkim('check', 'check.key', '--config', config);
    assert.deepEqual([good.code, good.out], [0, 's1._domainkey.example.org is published and fits the key\n']);
    text = 'v=DKIM1; k=ed25519; p=AAAA\u001b[31m';
    const bad = await dkim('check', 'check.key', '--config', config);
    assert.equal(bad.code, 1);
    assert.match(bad.said, /^s1\._domainkey\.example\.org: it holds the public key of another key\n/);
    assert.match(bad.said, /published: v=DKIM1; k=ed25519; p=AAAA\\u\{1b\}\[31m\n {2}wanted: {4}v=DKIM1/);
  } finally {
    server.close();
  }
});
