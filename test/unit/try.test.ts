// `posthouse try` with the reference configuration and with plugins that keep something: the disk stays as it is.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const posthouse = join(root, 'core/bin/posthouse.js');

interface Said {
  readonly code: number;
  readonly out: string;
}

function tried(...given: readonly string[]): Promise<Said> {
  return new Promise((resolve) => {
    execFile(process.execPath, [posthouse, 'try', ...given], (error, out, said) => {
      resolve({ code: error === null ? 0 : Number(error.code), out: out + said });
    });
  });
}

/** A folder inside the repository, from where the plugins can be seen. */
function folderFor(context: TestContext): string {
  const folder = mkdtempSync(join(root, 'test/dist/try-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const files = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

test('the reference configuration is tried out, alias and all, and nothing is written', async (context) => {
  const folder = folderFor(context);
  const reference = readFileSync(join(root, 'examples/reference-mta/posthouse.yaml'), 'utf8');
  // Nobody answers there, and says so at once.
  writeFileSync(join(folder, 'posthouse.yaml'), `${reference}\ndns: { servers: ['127.0.0.1:9'] }\n`);
  const config = ['-c', join(folder, 'posthouse.yaml')];
  const stranger = await tried(
    ...config,
    ...['--from', 'ann@[192.0.2.9]', '--ip', '192.0.2.9', '--helo', '[192.0.2.9]'],
    ...['--to', 'abuse@posthouse.test', '--to', 'bert@posthouse.test', '--to', 'joe@elsewhere.example'],
  );
  assert.equal(stranger.code, 1, stranger.out);
  assert.match(stranger.out, /abuse@posthouse\.test +accepted, redirected by route-aliases/);
  assert.match(stranger.out, /-> postmaster@posthouse\.test +carried by deliver-maildir to posthouse\.test/);
  assert.match(stranger.out, /check-greylist +would defer 4\.7\.1 .* greylist\.new/);
  assert.match(stranger.out, /joe@elsewhere\.example +refused: 550 5\.7\.1 Relaying denied/);
  assert.doesNotMatch(stranger.out, /NOT ASKED|SAID IN THE LOG/);
  const user = await tried(
    ...config,
    ...[
      '--listener',
      'submission',
      '--user',
      'ann',
      '--from',
      'ann@posthouse.test',
      '--to',
      'joe@elsewhere.example',
    ],
  );
  assert.equal(user.code, 0, user.out);
  assert.match(
    user.out,
    /STARTTLS[\s\S]*AUTH PLAIN \(as ann\)[\s\S]*carried by deliver-smtp to elsewhere\.example/,
  );
  assert.deepEqual(files(folder), ['posthouse.yaml']);
});

test('what plugins remember is read and left as it is', async (context) => {
  const folder = folderFor(context);
  const list = join(folder, 'list.db');
  const greylist = join(folder, 'greylist.db');
  const config = join(folder, 'posthouse.yaml');
  writeFileSync(
    config,
    `hostname: mx.example.org
listeners: [{ name: mx, host: 127.0.0.1, port: 25 }]
plugins:
  - { use: '@posthouse/store-sqlite', config: { path: ./queue } }
  - { use: '@posthouse/observe-trace', config: { path: ./trace } }
  - { use: '@posthouse/accept-domains', config: { domains: [example.org] } }
  - { use: '@posthouse/check-suppression', config: { path: ./list.db } }
  - { use: '@posthouse/check-greylist', config: { path: ./greylist.db } }
  - { use: '@posthouse/deliver-maildir', config: { domains: [example.org], path: './mail/{local}' } }
`,
  );
  const mail = ['-c', config, '--from', 'ann@client.example', '--to', 'joe@example.org'];
  const first = await tried(...mail);
  assert.match(first.out, /451|450 4\.7\.1 Greylisted/);
  assert.deepEqual(files(folder), ['posthouse.yaml']);

  // What an empty file becomes is the plugin's affair.
  writeFileSync(list, '');
  const add = ['suppression', 'add', 'joe@example.org', '--config', config];
  await new Promise((resolve) => execFile(process.execPath, [posthouse, ...add], resolve));
  const known = new DatabaseSync(greylist);
  known.exec(`PRAGMA journal_mode = WAL;
    CREATE TABLE triplets (network TEXT, sender TEXT, recipient TEXT, first INTEGER, last INTEGER, passed INTEGER);
    CREATE TABLE networks (network TEXT PRIMARY KEY, successes INTEGER, last INTEGER);
    INSERT INTO networks VALUES ('192.0.2.0/24', 99, ${Date.now()});`);
  known.close();
  const before = [readFileSync(list), readFileSync(greylist)];
  const refused = await tried(...mail);
  assert.match(refused.out, /check-suppression +reject 5\.1\.1 .* suppression\.listed/);
  const other = await tried('-c', config, '--from', 'ann@client.example', '--to', 'sue@example.org');
  assert.equal(other.code, 0, other.out);
  assert.match(other.out, /note check-greylist\/result = "network"/);
  assert.deepEqual([readFileSync(list), readFileSync(greylist)], before);
  assert.deepEqual(files(folder), ['greylist.db', 'list.db', 'posthouse.yaml']);
});
