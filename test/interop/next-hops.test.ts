// Real servers as next hops: Posthouse hands them the corpus, they hand it to a third server, and every octet arrives.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptDomain, deliverMaildir, durableStore, MAIL } from '../support/durable-house.ts';
import { EximInstance, missingExim } from '../support/exim-instance.ts';
import { missingOpensmtpd, OpensmtpdInstance } from '../support/opensmtpd-instance.ts';
import { lacks } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { corpusFrom } from './corpus.ts';
import { mailIn, withoutTrace } from './maildir.ts';
import { sendRaw } from './send-raw.ts';

/** With the fields that OpenSMTPD adds where they are missing. */
const corpus = corpusFrom(
  'sender@client.example',
  'Date: Mon, 5 Jan 2026 12:00:00 +0000\r\nMessage-ID: <corpus@client.example>\r\n',
);

interface NextHop {
  readonly port: number;
  log(): string;
  stop(): Promise<void>;
}

const hops: readonly {
  readonly name: string;
  readonly missing: () => string | undefined;
  readonly start: (folder: string, nextHop: number) => Promise<NextHop>;
  /** What it writes into Received of how the message came to it. */
  readonly received: RegExp;
}[] = [
  {
    name: 'Exim',
    missing: missingExim,
    start: (folder, nextHop) => EximInstance.start(folder, { nextHop, transport: '' }),
    received: /by exim\.posthouse\.test with esmtp \(Exim/,
  },
  {
    name: 'OpenSMTPD',
    missing: missingOpensmtpd,
    start: (folder, nextHop) => OpensmtpdInstance.start(folder, nextHop),
    received: /by opensmtpd\.posthouse\.test \(OpenSMTPD\) with ESMTP/,
  },
];

for (const { name, missing, start, received } of hops) {
  test(`what Posthouse hands to ${name} arrives behind it octet for octet`, async (t) => {
    if (lacks(t, missing())) return;
    using first = new TemporaryFolder('interop-a');
    using middle = new TemporaryFolder('interop-hop');
    using last = new TemporaryFolder('interop-c');
    await using c = await ServerProcess.start(last.path, {
      hostname: 'c.posthouse.test',
      control: false,
      plugins: [durableStore(), acceptDomain(), deliverMaildir()],
    });
    const hop = await start(middle.path, c.port);
    try {
      await using a = await ServerProcess.start(first.path, {
        hostname: 'a.posthouse.test',
        control: false,
        plugins: [
          durableStore(),
          { use: '@posthouse/accept-networks', config: { networks: ['127.0.0.0/8'] } },
          { use: '@posthouse/deliver-smtp', config: { smarthost: `[127.0.0.1]:${hop.port}` } },
        ],
      });
      for (const [index, { content }] of corpus.entries())
        await sendRaw(a.port, 'sender@client.example', [`box${index}@posthouse.test`], content);
      for (const [index, { name: what, content }] of corpus.entries()) {
        const [message] = await mailIn(`${last.join(MAIL)}/box${index}`, 1);
        assert.match(String(message), received, hop.log());
        assert.ok(withoutTrace(message as Buffer).equals(content), `${what}: the octets differ`);
      }
      await a.stop();
    } finally {
      await hop.stop();
    }
    await c.stop();
  });
}
