// Postfix and Exim as the servers that send to us: what they are given arrives in the Maildir octet for octet.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptDomain, deliverMaildir, durableStore, MAIL } from '../support/durable-house.ts';
import { EximInstance, missingExim } from '../support/exim-instance.ts';
import { startPostfix } from '../support/postfix-instance.ts';
import { lacks, missingProgram, missingRoot } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { corpus } from './corpus.ts';
import { mailIn, withoutTrace } from './maildir.ts';
import { sendRaw } from './send-raw.ts';

const house = { control: false, plugins: [durableStore(), acceptDomain(), deliverMaildir()] };

async function sendCorpus(port: number): Promise<void> {
  for (const [index, { content }] of corpus.entries())
    await sendRaw(port, 'sender@client.example', [`box${index}@posthouse.test`], content);
}

async function assertCorpus(mail: string, log: () => string): Promise<void> {
  for (const [index, { name, content }] of corpus.entries()) {
    const messages = await mailIn(`${mail}/box${index}`, 1).catch((error: Error) => {
      throw new Error(`${name}: ${error.message}\n${log()}`);
    });
    assert.ok(withoutTrace(messages[0] as Buffer).equals(content), `${name}: the octets differ`);
  }
}

test('Exim sends by MX-like relay, and the octets arrive', async (t) => {
  if (lacks(t, missingExim())) return;
  using folder = new TemporaryFolder('interop-exim');
  using home = new TemporaryFolder('interop-exim-home');
  await using server = await ServerProcess.start(home.path, house);
  const exim = await EximInstance.start(folder.path, { nextHop: server.port, transport: '' });
  try {
    await sendCorpus(exim.port);
    await assertCorpus(home.join(MAIL), () => exim.log());
  } finally {
    await exim.stop();
  }
  await server.stop();
});

test('Postfix sends by MX-like relay, and the octets arrive', async (t) => {
  if (lacks(t, missingProgram('postconf', 'mail_version') ?? missingRoot())) return;
  using folder = new TemporaryFolder('interop-postfix');
  using home = new TemporaryFolder('interop-postfix-home');
  await using server = await ServerProcess.start(home.path, house);
  const postfix = await startPostfix(
    folder.path,
    `myhostname = postfix.posthouse.test
relayhost = [127.0.0.1]:${server.port}
local_header_rewrite_clients =
smtp_line_length_limit = 0
line_length_limit = 4096`,
  );
  try {
    await sendCorpus(postfix.port);
    await assertCorpus(home.join(MAIL), () => postfix.log());
  } finally {
    postfix.stop();
  }
  await server.stop();
});
