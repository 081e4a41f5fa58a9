// A server whose configuration changes while mail flows: no client is turned away, no message is lost, and a file that
// cannot be used changes nothing.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { acceptDomain, deliverMaildir, durableHouse, durableStore, MAIL } from '../support/durable-house.ts';
import { ROOT, ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { mailIn } from './maildir.ts';

const SESSIONS = 4;
/** Messages of a connection; then a session opens the next one. */
const PER_CONNECTION = 5;
/** Milliseconds between two messages of a session: mail is to flow all the while, not as fast as it can. */
const PAUSE = 10;

function posthouseReload(folder: string): Promise<{ readonly code: number | null; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const args = [`${ROOT}core/dist/src/cli/main.js`, 'reload', '--config', `${folder}/posthouse.yaml`];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, text }));
  });
}

/** Sends until it is told to end; whatever is not 250 is an error. @returns how many */
async function sends(port: number, session: number, ended: () => boolean): Promise<number> {
  let sent = 0;
  while (!ended()) {
    const client = await SmtpClient.greet(port);
    for (let here = 0; here < PER_CONNECTION; here++, sent++) {
      const envelope = { sender: 'ann@client.test', recipients: [`box${session}@posthouse.test`] };
      const { code, text } = await client.send(envelope, `Subject: ${sent}\r\n\r\nHello\r\n`);
      assert.equal(code, 250, text);
      await wait(PAUSE);
    }
    await client.quit();
  }
  return sent;
}

test('the configuration changes again and again while mail flows, and nobody notices', {
  timeout: 60_000,
}, async () => {
  using folder = new TemporaryFolder('reload');
  await using server = await ServerProcess.start(folder.path, durableHouse());
  const file = folder.join('posthouse.yaml');
  const first = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  const write = (changes: object): void => writeFileSync(file, JSON.stringify({ ...first, ...changes }));
  const greylist = { use: '@posthouse/accept-networks', config: { networks: ['192.0.2.0/24'] } };

  let ended = false;
  const sessions = Array.from({ length: SESSIONS }, (_, session) => sends(server.port, session, () => ended));
  let reloads = 0;
  for (const plugins of [
    [durableStore(), acceptDomain(), greylist, deliverMaildir()],
    [durableStore(), acceptDomain(), { ...deliverMaildir(), name: 'deliver-boxes' }],
    [durableStore(), acceptDomain(), deliverMaildir()],
  ]) {
    write({ plugins, limits: { messageSize: `${reloads + 1} MiB` } });
    const { code, text } = await posthouseReload(folder.path);
    assert.equal(code, 0, text);
    assert.match(text, /^The new configuration is in force/);
    reloads += 1;
  }
  ended = true;
  const sent = await Promise.all(sessions);
  for (const [session, count] of sent.entries())
    assert.equal((await mailIn(folder.join(MAIL, `box${session}`), count)).length, count);
  const client = await SmtpClient.greet(server.port);
  client.push('EHLO again.test\r\n');
  assert.match((await client.reply()).text, /SIZE 3145728/);

  // A file that cannot be used: line and column, exit code 1, and the old one goes on. SIGHUP says it in the log.
  writeFileSync(file, 'hostname: mx.posthouse.test\ncolour: red\n');
  const refused = await posthouseReload(folder.path);
  assert.equal(refused.code, 1);
  assert.match(refused.text, /control\.sock/);
  writeFileSync(file, `control: { socket: ./control.sock }\nhostname: mx.posthouse.test\ncolour: red\n`);
  const wrong = await posthouseReload(folder.path);
  assert.equal(wrong.code, 1);
  assert.match(wrong.text, /posthouse\.yaml:3:1 colour is unknown/);
  assert.match(wrong.text, /^Nothing has changed\.$/m);
  process.kill(server.pid, 'SIGHUP');
  await server.until(
    ({ msg, text }) => msg === 'configuration-refused' && String(text).includes(':3:1 colour is unknown'),
  );
  assert.equal((await client.command('NOOP')).code, 250);
  await client.quit();

  write({ hostname: 'other.posthouse.test' });
  const restart = await posthouseReload(folder.path);
  assert.equal(restart.code, 1);
  assert.match(restart.text, /hostname cannot change while the server runs: restart it/);

  write({});
  process.kill(server.pid, 'SIGHUP');
  let seen = 0;
  await server.until(({ msg }) => msg === 'configuration-reloaded' && ++seen > reloads);
  await server.stop();
});
