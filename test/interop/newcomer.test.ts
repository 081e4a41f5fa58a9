// The newcomer: nothing but an empty folder and the packages as npm packs them. A plugin is begun, tested, run in a
// server that is begun as well, edited while the server runs, and seen to have changed.

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { freePort } from '../support/free-port.ts';
import { ROOT, TemporaryFolder } from '../support/server-process.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { mailWith } from './maildir.ts';

/** What comes from the registry is in npm's cache where `npm ci` has run. */
const INSTALL = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
const PACKED = [
  'core',
  'core/create',
  'plugins/store-sqlite',
  'plugins/accept-domains',
  'plugins/deliver-maildir',
];
const LETTER = 'Subject: Hello\r\n\r\nIt works.\r\n';

/** @returns what it printed, on either stream. */
function npm(cwd: string, ...given: readonly string[]): string {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return execFileSync('sh', ['-c', 'exec npm "$@" 2>&1', 'npm', ...given], { cwd, env, encoding: 'utf8' });
}

/** `npm run dev` in a folder, from the words by which the server says that it is up until it is told to end. */
class Started implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #said = '';

  private constructor(cwd: string) {
    // A group of its own: npm, the shell that it starts and the server get the signal alike, as from a terminal.
    this.#child = spawn('npm', ['run', 'dev'], { cwd, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
    this.#closed = once(this.#child, 'close');
  }

  static async in(cwd: string): Promise<Started> {
    const started = new Started(cwd);
    await started.says(/ is up \(Posthouse .*^ {2}listens +/ms);
    return started;
  }

  /** Resolves when it has said so. Rejects when it ends without. */
  async says(expected: RegExp): Promise<void> {
    const { stderr } = this.#child;
    while (!expected.test(this.#said)) {
      assert.equal(this.#child.exitCode, null, `never: ${expected}; but:\n${this.#said}`);
      await Promise.race([once(stderr as NonNullable<typeof stderr>, 'data'), this.#closed]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.kill(-(this.#child.pid as number), 'SIGTERM');
    await this.#closed;
  }
}

async function answerTo(port: number, sender: string): Promise<string> {
  const client = await SmtpClient.greet(port);
  await client.command('EHLO newcomer.example');
  const { code, text } = await client.command(`MAIL FROM:<${sender}>`);
  await client.quit();
  return `${code} ${text}`;
}

test('a newcomer has a tested plugin at work in a server, from nothing', { timeout: 300_000 }, async (t) => {
  const begun = performance.now();
  using folder = new TemporaryFolder('newcomer');
  npm(ROOT, 'pack', '--pack-destination', folder.path, ...PACKED.flatMap((name) => ['-w', name]));
  const tarball = (name: string): string => {
    const found = readdirSync(folder.path).find((file) =>
      new RegExp(`^(?:posthouse-)?${name}-\\d.*\\.tgz$`).test(file),
    );
    assert.ok(found, `${name} was not packed`);
    return folder.join(found);
  };
  const house = folder.join('house');
  mkdirSync(house);
  // One folder for both, with one install: what is below finds the packages of the folder above.
  writeFileSync(`${house}/package.json`, '{ "private": true, "workspaces": ["check-hello", "mail"] }\n');
  npm(house, ...INSTALL, ...['core', 'create-posthouse'].map(tarball));

  // A plugin, as `npm create posthouse` makes it, and a server.
  const made = npm(house, 'exec', '--no', 'create-posthouse', '--', 'plugin', 'check-hello', '-y');
  assert.match(made, /is a plugin that asks on-mail-from\. Next:/);
  npm(house, 'exec', '--no', 'posthouse', '--', 'new', 'server', 'mail');
  npm(house, ...INSTALL, ...['store-sqlite', 'accept-domains', 'deliver-maildir'].map(tarball));
  const installed = performance.now();

  const plugin = `${house}/check-hello`;
  assert.match(npm(plugin, 'test'), /^(?:ℹ|#) fail 0$/m);
  npm(plugin, 'run', 'check');
  npm(plugin, 'run', 'build');
  assert.ok(readdirSync(`${plugin}/dist`).includes('index.d.ts'));
  const tested = performance.now();

  const mail = `${house}/mail`;
  const port = await freePort();
  const configuration = `${mail}/posthouse.yaml`;
  writeFileSync(configuration, readFileSync(configuration, 'utf8').replace('port: 2525', `port: ${port}`));
  const [, entry = ''] =
    /```yaml\nplugins:\n([\s\S]*?)```/.exec(readFileSync(`${plugin}/README.md`, 'utf8')) ?? [];
  appendFileSync(configuration, entry);

  await using server = await Started.in(mail);
  assert.match(
    await answerTo(port, 'offers@spam.example'),
    /^550 5\.7\.1 Mail from spam\.example is not taken here/,
  );
  const client = await SmtpClient.greet(port);
  const { code } = await client.send(
    { sender: 'ann@client.example', recipients: ['bob@example.org'] },
    LETTER,
  );
  assert.equal(code, 250);
  await client.quit();
  await mailWith(`${mail}/var/mail/example.org/bob`, 'It works.');

  const source = `${plugin}/src/index.ts`;
  writeFileSync(source, readFileSync(source, 'utf8').replace('is not taken here', 'is not welcome'));
  const saved = performance.now();
  await server.says(/index\.ts saved: check-hello set up anew/);
  const seen = performance.now();
  assert.match(
    await answerTo(port, 'offers@spam.example'),
    /^550 5\.7\.1 Mail from spam\.example is not welcome/,
  );

  const schema = JSON.parse(readFileSync(`${mail}/posthouse.schema.json`, 'utf8')) as object;
  assert.match(JSON.stringify(schema), /Domains whose senders are refused\./);
  const seconds = (from: number, to: number): string => `${((to - from) / 1000).toFixed(1)} s`;
  const ended = performance.now();
  t.diagnostic(
    `the newcomer took ${seconds(begun, ended)}: packing and installing ${seconds(begun, installed)}, testing and building the plugin ${seconds(installed, tested)}, running and editing ${seconds(tested, ended)}, of which from the save to its effect ${seconds(saved, seen)}`,
  );
});
