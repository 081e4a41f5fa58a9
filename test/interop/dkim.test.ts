// What sign-dkim signs with keys that `posthouse dkim` made, a real verifier finds good: OpenDKIM, which gets their records.

import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { durableStore, MAIL } from '../support/durable-house.ts';
import { lacks, missingProgram } from '../support/requirements.ts';
import { ROOT, ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { corpus } from './corpus.ts';
import { mailIn, withoutTrace } from './maildir.ts';
import { run } from './programs.ts';
import { sendRaw } from './send-raw.ts';

const CLI = join(ROOT, 'core/dist/src/cli/main.js');
const SIGNER = 'client.example';

/** Makes a key and gives its record as OpenDKIM's test file has it: the strings of the zone line, joined. */
async function keygen(file: string, selector: string, algorithm: string): Promise<string> {
  const options = { domain: SIGNER, selector, algorithm, key: file };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const { status, output } = await run(process.execPath, [CLI, 'dkim', 'keygen', ...args]);
  assert.equal(status, 0, output);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.match(readFileSync(file, 'utf8'), /^-----BEGIN PRIVATE KEY-----/);
  const zone = output.slice(0, output.indexOf('The private key'));
  const strings = [...zone.matchAll(/"([^"]*)"/g)].map(([, text]) => text ?? '');
  assert.ok(strings.every((text) => text.length <= 255));
  return `${selector}._domainkey.${SIGNER} ${strings.join('')}`;
}

/** The results of the signatures, by algorithm. */
async function verify(folder: TemporaryFolder, content: Buffer): Promise<readonly string[]> {
  const file = folder.join('message');
  writeFileSync(file, content);
  const { output } = await run('opendkim', ['-x', folder.join('opendkim.conf'), '-vv', '-t', file]);
  return [...output.matchAll(/dkim=(\w+)[^;]*header\.a=([\w-]+)/g)].map(
    ([, result, by]) => `${by} ${result}`,
  );
}

for (const canonicalization of ['relaxed/relaxed', 'simple/simple']) {
  test(`OpenDKIM verifies ${canonicalization} signatures of every shape of message`, async (t) => {
    if (lacks(t, missingProgram('opendkim', '-V'))) return;
    using folder = new TemporaryFolder('interop-dkim');
    const records = [
      await keygen(folder.join('rsa.key'), 'r2026', 'rsa'),
      await keygen(folder.join('ed.key'), 'e2026', 'ed25519'),
    ];
    writeFileSync(folder.join('records'), `${records.join('\n')}\n`);
    writeFileSync(
      folder.join('opendkim.conf'),
      `TestPublicKeys ${folder.join('records')}\nMode v\nSyslog no\nMaximumSignaturesToVerify 5\n`,
    );
    await using server = await ServerProcess.start(folder.path, {
      plugins: [
        durableStore(),
        { use: '@posthouse/accept-domains', config: { domains: ['posthouse.test'] } },
        {
          use: '@posthouse/sign-dkim',
          config: {
            keys: [
              { domain: SIGNER, selector: 'r2026', keyFile: './rsa.key' },
              { domain: SIGNER, selector: 'e2026', keyFile: './ed.key' },
            ],
            when: { networks: ['127.0.0.0/8'] },
            canonicalization,
          },
        },
        {
          use: '@posthouse/deliver-maildir',
          config: { domains: ['posthouse.test'], path: `./${MAIL}/{local}` },
        },
      ],
    });
    for (const [index, { name, content }] of corpus.entries()) {
      await sendRaw(server.port, 'sender@client.example', [`box${index}@posthouse.test`], content);
      const [delivered] = await mailIn(folder.join(MAIL, `box${index}`), 1);
      const message = withoutTop(delivered as Buffer);
      assert.deepEqual(await verify(folder, message), ['rsa-sha256 pass', 'ed25519-sha256 pass'], name);
    }
    const [plain] = await mailIn(folder.join(MAIL, 'box0'), 1);
    const changed = Buffer.from(
      withoutTop(plain as Buffer)
        .toString('latin1')
        .replace('Hello', 'Hallo'),
      'latin1',
    );
    assert.notDeepEqual(await verify(folder, changed), ['rsa-sha256 pass', 'ed25519-sha256 pass']);
    await server.stop();
  });
}

/** Without what the delivery put above the signatures. */
function withoutTop(message: Buffer): Buffer {
  const rest = withoutTrace(message);
  assert.match(rest.subarray(0, 20).toString('latin1'), /^DKIM-Signature: /);
  return rest;
}
