// "Delivered means safe", seen from the kernel: a message has its name in the Maildir only when its content is on the
// disk, and counts as delivered only when its name is.

import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { acceptDomain, DOMAIN, durableStore, MAIL } from '../support/durable-house.ts';
import { lacks, missingProgram } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { Strace, type SystemCall } from '../support/strace.ts';

const SYNCS = ['fsync', 'fdatasync'];
const WRITES = ['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'];
const RENAMES = ['rename', 'renameat', 'renameat2'];
const MIB = 1024 * 1024;
/** One is too large for the thread that writes small ones. */
const SIZES = [1000, 1000, 1000, 4000, 4000, 4000, MIB];

test('what reaches one mailbox at the same time is synced, named, synced and then delivered', async (t) => {
  if (lacks(t, missingProgram('strace', '-o', '/dev/null', 'true'))) return;
  using folder = new TemporaryFolder('posthouse-delivered');
  const mailboxes = {
    use: '@posthouse/deliver-maildir',
    config: { domains: [DOMAIN], path: `./${MAIL}/{local}`, recipientDelimiter: '+' },
  };
  await using server = await ServerProcess.start(folder.path, {
    plugins: [durableStore(), acceptDomain(), mailboxes],
  });
  const strace = await Strace.attach(server.pid, [...SYNCS, ...WRITES, ...RENAMES]);
  const recipients = SIZES.map((_, index) => `box+${index}@${DOMAIN}`);
  await Promise.all(
    recipients.map(async (recipient, index) => {
      const client = await SmtpClient.greet(server.port);
      const content = `Subject: load\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat((SIZES[index] as number) / 72)}`;
      const answer = await client.send({ sender: 'a@client.example', recipients: [recipient] }, content);
      assert.equal(answer.code, 250);
      await client.quit();
    }),
  );
  for (const recipient of recipients)
    await server.until(({ msg, recipient: settled }) => msg === 'recipient-settled' && settled === recipient);
  const calls = await strace.detach();
  for (const recipient of recipients) assertOrder(calls, `${folder.path}/${MAIL}/box`, recipient);
  const syncs = calls.filter(({ name, file }) => name === 'fsync' && file.endsWith('/box/new'));
  t.diagnostic(`${recipients.length} messages, ${syncs.length} syncs of the folder`);
});

function assertOrder(calls: readonly SystemCall[], mailbox: string, recipient: string): void {
  const writes = calls.filter(
    ({ name, file }) => WRITES.includes(name) && file.startsWith(`${mailbox}/tmp/`),
  );
  const first = writes.find(({ args }) => args.includes(`Delivered-To: ${recipient}`));
  assert.ok(first !== undefined, `${recipient}: the message was seen on its way to its file`);
  const { file } = first;
  const content = calls.find(
    ({ name, file: synced, began }) =>
      SYNCS.includes(name) &&
      synced === file &&
      writes.every((write) => write.file !== file || ended(write) < began),
  );
  assert.ok(content !== undefined, `${recipient}: the content was synced after the last write`);
  assert.equal(content.result, '0');
  const name = file.slice(dirname(file).length + 1);
  const named = calls.find(
    ({ name: call, args }) => RENAMES.includes(call) && args.includes(`/new/${name},S=`),
  );
  assert.ok(named !== undefined && ended(content) < named.began, `${recipient}: its name came after that`);
  const told = calls.find(
    ({ name: call, args }) =>
      WRITES.includes(call) && args.includes('recipient-settled') && args.includes(recipient),
  );
  assert.ok(told !== undefined, `${recipient}: it was told`);
  const safe = calls.find(
    (sync) => sync.name === 'fsync' && sync.file === `${mailbox}/new` && sync.began > ended(named),
  );
  assert.ok(
    safe !== undefined && ended(safe) < told.began,
    `${recipient}: the folder was synced before it was told`,
  );
  assert.equal(safe.result, '0');
}

function ended({ returned }: SystemCall): number {
  return returned ?? Number.POSITIVE_INFINITY;
}
