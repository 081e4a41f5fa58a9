import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { recordingLogger } from '@posthouse/core/testing';
import type { KeyConfig } from '../src/config.ts';
import { KeyRing } from '../src/key-ring.ts';
import { ecKey, ed25519Key, rsaKey, rsaKeyOf } from './keys.ts';

function ring(...configured: readonly Partial<KeyConfig>[]) {
  const log = recordingLogger();
  const keys = configured.map((one) => ({ domain: 'd.example', selector: 's', subdomains: false, ...one }));
  return { log, ring: new KeyRing(keys, log) };
}

test('all keys of a domain sign, those of the nearest domain above where they may, and no others', async () => {
  const { ring: keys } = ring(
    { selector: 'r', key: rsaKey },
    { selector: 'e', key: ed25519Key },
    { domain: 'above.example', selector: 'a', key: ed25519Key, subdomains: true },
    { domain: 'b.above.example', selector: 'b', key: ed25519Key, subdomains: true },
  );
  await keys.load();
  const names = (domain: string) =>
    keys.for(domain).map(({ selector, algorithm }) => `${selector} ${algorithm}`);
  assert.deepEqual(names('d.example'), ['r rsa-sha256', 'e ed25519-sha256']);
  assert.deepEqual(names('sub.d.example'), []);
  assert.deepEqual(names('x.y.above.example'), ['a ed25519-sha256']);
  assert.deepEqual(names('x.b.above.example'), ['b ed25519-sha256']);
  assert.deepEqual(names('notabove.example'), []);
  assert.deepEqual(names('example'), []);
});

const mistakes: readonly (readonly [what: string, keys: readonly Partial<KeyConfig>[], message: RegExp])[] = [
  ['neither form', [{}], /^sign-dkim: keys\[0\] takes either keyFile or key: one of the two$/],
  ['both forms', [{ key: rsaKey, keyFile: '/k' }], /takes either keyFile or key/],
  [
    'no domain',
    [{ domain: 'no domain', key: rsaKey }],
    /^sign-dkim: keys\[0\] "no domain" is not a domain name$/,
  ],
  [
    'a name twice',
    [{ key: rsaKey }, { domain: 'D.example', key: ed25519Key }],
    /keys\[1\]\.key there is another key with the name s\._domainkey\.d\.example/,
  ],
  ['no key', [{ key: 'secret words' }], /^sign-dkim: keys\[0\]\.key is no private key in PEM form/],
  ['another kind of key', [{ key: ecKey }], /keys\[0\]\.key is a key for ec; DKIM knows rsa and ed25519/],
  [
    'a missing file',
    [{ keyFile: '/nowhere/dkim.key' }],
    /^sign-dkim: keys\[0\]\.keyFile \/nowhere\/dkim\.key cannot be read: ENOENT$/,
  ],
];
for (const [what, configured, message] of mistakes) {
  test(`a start without keys that can sign is refused: ${what}`, async () => {
    await assert.rejects(
      async () => {
        await ring(...configured).ring.load();
      },
      (error: Error) => {
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /secret words/);
        return true;
      },
    );
  });
}

test('RFC 8301: an RSA key of less than 1024 bits is refused, one of less than 2048 is warned of', async () => {
  await assert.rejects(
    ring({ key: rsaKeyOf(768) }).ring.load(),
    /RSA key of 768 bits; RFC 8301 asks for 1024/,
  );
  const short = ring({ key: rsaKeyOf(1024) });
  await short.ring.load();
  assert.match(short.log.lines[0]?.text ?? '', /2048 bits are advised/);
});

test('a changed key file is read anew, and a broken one leaves the key before in use', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sign-dkim-'));
  t.after(() => rm(folder, { recursive: true }));
  const keyFile = join(folder, 'dkim.key');
  await writeFile(keyFile, ed25519Key);
  const { ring: keys, log } = ring({ keyFile });
  await keys.load();
  const algorithm = () => keys.for('d.example')[0]?.algorithm;
  await keys.reload();
  assert.deepEqual([algorithm(), log.lines.length], ['ed25519-sha256', 0]);
  await writeFile(keyFile, rsaKey);
  await keys.reload();
  assert.equal(algorithm(), 'rsa-sha256');
  await writeFile(keyFile, 'no key');
  await keys.reload();
  await keys.reload();
  await rm(keyFile);
  await keys.reload();
  assert.equal(algorithm(), 'rsa-sha256');
  assert.deepEqual(
    log.lines.map(({ text }) => text),
    [
      'key read anew',
      'key not read anew; the one before stays in use',
      'key not read anew; the one before stays in use',
    ],
  );
});
