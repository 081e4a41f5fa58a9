// A real Dovecot takes the mail by LMTP, and what it shows over IMAP is what was sent, octet for octet.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { acceptDomain, DOMAIN, durableStore } from '../support/durable-house.ts';
import { lacks, missingRoot } from '../support/requirements.ts';
import {
  type Configuration,
  type LogLine,
  ServerProcess,
  TemporaryFolder,
} from '../support/server-process.ts';
import { corpus } from './corpus.ts';
import { type Dovecot, missingDovecot, QUOTA, startDovecot } from './dovecot.ts';
import { withoutTrace } from './maildir.ts';
import { sendRaw } from './send-raw.ts';

const MESSAGE = Buffer.from('Subject: hello\r\n\r\n.dot\r\n..two\r\nlast\r\n');

function house(lmtp: object, sections: object = {}): Configuration {
  return {
    control: false,
    plugins: [
      durableStore(),
      acceptDomain(),
      { use: '@posthouse/deliver-lmtp', config: { domains: [DOMAIN], ...lmtp } },
    ],
    ...sections,
  };
}

function settled(recipient: string, kind: string): (line: LogLine) => boolean {
  return (line) =>
    line.msg === 'recipient-settled' &&
    line.recipient === `${recipient}@${DOMAIN}` &&
    (line.outcome as { kind: string }).kind === kind;
}

async function fetched(dovecot: Dovecot, user: string): Promise<Buffer> {
  const message = await dovecot.fetch(user, 1);
  assert.ok(message.length > 0, `${user} has mail`);
  // Dovecot puts its own trace on top: Return-Path, Delivered-To, Received.
  return withoutTrace(message);
}

for (const way of ['a Unix socket', 'TCP']) {
  test(`Dovecot takes mail over ${way} and gives it back over IMAP, octet for octet`, async (t) => {
    if (lacks(t, missingDovecot() ?? missingRoot())) return;
    using mail = new TemporaryFolder('dovecot');
    using folder = new TemporaryFolder('interop-lmtp');
    const dovecot = await startDovecot(mail.path);
    try {
      const where =
        way === 'TCP' ? { host: '127.0.0.1', port: dovecot.lmtpPort } : { socket: dovecot.socket };
      await using server = await ServerProcess.start(folder.path, house(where));
      for (const [index, { content }] of corpus.entries()) {
        await sendRaw(server.port, 'sender@client.example', [`box${index}@${DOMAIN}`], content);
      }
      for (const [index, { name, content }] of corpus.entries()) {
        await server.until(settled(`box${index}`, 'delivered'));
        const message = await fetched(dovecot, `box${index}`);
        assert.ok(message.equals(content), `${name}: the octets differ`);
      }
      await server.stop();
    } finally {
      await dovecot.stop();
    }
  });
}

test('of one message the known get it, the unknown is a bounce, the full mailbox has its words', async (t) => {
  if (lacks(t, missingDovecot() ?? missingRoot())) return;
  using mail = new TemporaryFolder('dovecot');
  using folder = new TemporaryFolder('interop-lmtp');
  const dovecot = await startDovecot(mail.path);
  try {
    await using server = await ServerProcess.start(
      folder.path,
      house({ socket: dovecot.socket, recipientDelimiter: '+' }),
    );
    const send = (to: readonly string[], content: Buffer) =>
      sendRaw(
        server.port,
        'sender@client.example',
        to.map((user) => `${user}@${DOMAIN}`),
        content,
      );
    const large = Buffer.concat([
      Buffer.from('Subject: large\r\n\r\n'),
      Buffer.from(`${'x'.repeat(70)}\r\n`.repeat(Math.ceil((QUOTA * 1024 * 0.9) / 72))),
    ]);
    await send(['ann'], large);
    await server.until(settled('ann', 'delivered'));

    await send(['bob+news', 'nobody', 'ann'], Buffer.concat([large]));
    await server.until(settled('bob+news', 'delivered'));
    const unknown = await server.until(settled('nobody', 'failed'));
    assert.match(JSON.stringify(unknown.outcome), /"status":"5\.1\.1"/);
    const full = await server.until(
      (line) => settled('ann', 'failed')(line) || settled('ann', 'deferred')(line),
    );
    assert.match(JSON.stringify(full.outcome), /[45]\.2\.2 .*[Qq]uota/);
    assert.ok((await fetched(dovecot, 'bob')).equals(large));
    await server.stop();
  } finally {
    await dovecot.stop();
  }
});

test('mail waits while Dovecot is away, and arrives when it is back', async (t) => {
  if (lacks(t, missingDovecot() ?? missingRoot())) return;
  using folder = new TemporaryFolder('interop-lmtp');
  const mail = new TemporaryFolder('dovecot');
  await using server = await ServerProcess.start(
    folder.path,
    house({ socket: mail.join('run', 'lmtp') }, { delivery: { retryAfter: ['1s'], laneRest: '1s' } }),
  );
  await sendRaw(server.port, 'sender@client.example', [`ann@${DOMAIN}`], MESSAGE);
  const line = await server.until(settled('ann', 'deferred'));
  assert.match(JSON.stringify(line.outcome), /4\.4\.1/);
  const dovecot = await startDovecot(mail.path);
  try {
    await server.until(settled('ann', 'delivered'));
    assert.ok((await fetched(dovecot, 'ann')).equals(MESSAGE));
    await server.stop();
  } finally {
    await dovecot.stop();
    await wait(100);
    rmSync(mail.path, { recursive: true, force: true });
  }
});
