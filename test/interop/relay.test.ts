// Store and forward over two and three hops, with a real Postfix among them: the octets arrive as they were sent.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptDomain, deliverMaildir, durableStore, MAIL } from '../support/durable-house.ts';
import { lacks, missingProgram, missingRoot } from '../support/requirements.ts';
import { type Configuration, ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { corpus } from './corpus.ts';
import { mailIn, mailWith, withoutTrace } from './maildir.ts';
import { startPostfixRelay } from './postfix.ts';
import { run } from './programs.ts';
import { sendRaw } from './send-raw.ts';

const RELAY_ONLY = { use: '@posthouse/accept-networks', config: { networks: ['127.0.0.0/8'] } };

function relay(hostname: string, nextHop: number): Configuration {
  return {
    hostname,
    control: false,
    plugins: [
      durableStore(),
      RELAY_ONLY,
      { use: '@posthouse/deliver-smtp', config: { smarthost: `[127.0.0.1]:${nextHop}` } },
    ],
  };
}

function mailboxes(hostname: string): Configuration {
  return { hostname, control: false, plugins: [durableStore(), acceptDomain(), deliverMaildir()] };
}

async function sendCorpus(port: number): Promise<void> {
  for (const [index, { content }] of corpus.entries()) {
    await sendRaw(port, 'sender@client.example', [`box${index}@posthouse.test`], content);
  }
}

async function assertCorpus(mail: string): Promise<void> {
  for (const [index, { name, content }] of corpus.entries()) {
    const [message] = await mailIn(`${mail}/box${index}`, 1);
    assert.ok(withoutTrace(message as Buffer).equals(content), `${name}: the octets differ`);
  }
}

test('a message goes through two Posthouses into a Maildir', async () => {
  using first = new TemporaryFolder('interop-a');
  using last = new TemporaryFolder('interop-b');
  await using b = await ServerProcess.start(last.path, mailboxes('b.posthouse.test'));
  await using a = await ServerProcess.start(first.path, relay('a.posthouse.test', b.port));
  await sendCorpus(a.port);
  await assertCorpus(last.join(MAIL));
  const [message] = await mailIn(`${last.join(MAIL)}/box0`, 1);
  assert.match(String(message), /by b\.posthouse\.test[\s\S]*by a\.posthouse\.test/);
  await a.stop();
  await b.stop();
});

test('a message goes through Posthouse and Postfix, over TLS, into a third server', async (t) => {
  if (
    lacks(
      t,
      missingProgram('postconf', 'mail_version') ?? missingProgram('openssl', 'version') ?? missingRoot(),
    )
  )
    return;
  using first = new TemporaryFolder('interop-a');
  using middle = new TemporaryFolder('interop-postfix');
  using last = new TemporaryFolder('interop-c');
  await using c = await ServerProcess.start(last.path, mailboxes('c.posthouse.test'));
  const postfix = await startPostfixRelay(middle.path, c.port);
  try {
    await using a = await ServerProcess.start(first.path, relay('a.posthouse.test', postfix.port));
    await sendCorpus(a.port);
    await assertCorpus(last.join(MAIL));
    const [message] = await mailIn(`${last.join(MAIL)}/box0`, 1);
    // Postfix writes into Received how the message came to it.
    assert.match(String(message), /by postfix\.posthouse\.test \(Postfix\) with ESMTPS/);
    assert.match(String(message), /using TLSv1\.3/);
    await a.stop();
  } finally {
    postfix.stop();
  }
  await c.stop();
});

test('who asks for notices of success hears through Postfix from the server that has the mailbox', async (t) => {
  if (
    lacks(
      t,
      missingProgram('postconf', 'mail_version') ?? missingProgram('openssl', 'version') ?? missingRoot(),
    )
  )
    return;
  using first = new TemporaryFolder('interop-dsn-a');
  using middle = new TemporaryFolder('interop-dsn-postfix');
  using last = new TemporaryFolder('interop-dsn-c');
  await using c = await ServerProcess.start(last.path, mailboxes('c.posthouse.test'));
  const postfix = await startPostfixRelay(middle.path, c.port);
  try {
    await using a = await ServerProcess.start(first.path, relay('a.posthouse.test', postfix.port));
    const client = await SmtpClient.greet(a.port);
    const commands = [
      'MAIL FROM:<ann@posthouse.test> ENVID=QQ+2B314 RET=HDRS',
      'RCPT TO:<bob@posthouse.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;first@client.example',
    ];
    for (const command of commands) assert.equal((await client.command(command)).code, 250);
    assert.equal((await client.command('DATA')).code, 354);
    assert.equal((await client.command('Subject: hello\r\n\r\nHi\r\n.')).code, 250);
    const notice = String(await mailWith(`${last.join(MAIL)}/ann`, 'delivery-status'));
    assert.match(notice, /^Reporting-MTA: dns; c\.posthouse\.test\r?$/m);
    assert.match(notice, /^Original-Envelope-Id: QQ\+314\r?$/m);
    assert.match(notice, /^Original-Recipient: rfc822; ?first@client\.example\r?$/m);
    assert.match(notice, /^Final-Recipient: rfc822; ?bob@posthouse\.test\r?$/m);
    assert.match(notice, /^Action: delivered\r?$/m);
    await client.quit();
    await a.stop();
  } finally {
    postfix.stop();
  }
  await c.stop();
});

test('smtp-source sends as Postfix does, many sessions side by side', async (t) => {
  if (lacks(t, missingProgram('postconf', 'mail_version'))) return;
  using folder = new TemporaryFolder('interop-source');
  await using server = await ServerProcess.start(folder.path, mailboxes('d.posthouse.test'));
  const load = [
    '-s',
    '20',
    '-m',
    '500',
    '-l',
    '4096',
    '-d',
    '-f',
    'a@client.example',
    '-t',
    'box@posthouse.test',
  ];
  const { status, output } = await run('smtp-source', [...load, `127.0.0.1:${server.port}`]);
  assert.equal(status, 0, output);
  assert.equal((await mailIn(`${folder.join(MAIL)}/box`, 500)).length, 500);
  await server.stop();
});

test('a next hop that is away gets the mail when it is back', async () => {
  using first = new TemporaryFolder('interop-a');
  using last = new TemporaryFolder('interop-b');
  const early = await ServerProcess.start(last.path, mailboxes('b.posthouse.test'));
  const { port } = early;
  await early.stop();
  await using a = await ServerProcess.start(first.path, {
    ...relay('a.posthouse.test', port),
    delivery: { retryAfter: ['1s'], laneRest: '1s' },
  });
  await sendRaw(
    a.port,
    'sender@client.example',
    ['box@posthouse.test'],
    Buffer.from('Subject: patience\r\n\r\nlate\r\n'),
  );
  await a.until((line) => line.msg === 'recipient-settled' && JSON.stringify(line).includes('"deferred"'));
  const listeners = [{ name: 'mx', host: '127.0.0.1', port }];
  await using b = await ServerProcess.start(last.path, { ...mailboxes('b.posthouse.test'), listeners });
  await mailWith(`${last.join(MAIL)}/box`, 'patience');
  await a.stop();
  await b.stop();
});
