// "250 means safe", seen from the kernel: whatever holds the message was synced before the 250 was written to the socket.

import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { type TestContext, test } from 'node:test';
import { acceptDomain, DOMAIN, durableStore, QUEUE } from '../support/durable-house.ts';
import { lacks, missingProgram } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { Strace, type SystemCall } from '../support/strace.ts';

const SYNCS = ['fsync', 'fdatasync'];
const WRITES = ['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'sendto', 'sendmsg'];
const MIB = 1024 * 1024;
const MARK = 'a-mark-that-shows-in-the-trace';

for (const thread of ['main', 'worker'] as const) {
  test(`the queue is synced before the 250 (database in the ${thread} thread)`, async (t) => {
    const trace = await traceOf(t, thread, 4096);
    if (trace === undefined) return;
    const { calls, reply, folder } = trace;
    const written = writesOf(calls, `${folder}/${QUEUE}/`, MARK);
    assert.ok(written.length > 0, 'the message was seen on its way to the disk');
    for (const write of written) assertSynced(t, calls, write, reply);
  });

  test(`the file of a large body, and its name, are synced before the 250 (database in the ${thread} thread)`, async (t) => {
    const trace = await traceOf(t, thread, MIB);
    if (trace === undefined) return;
    const { calls, reply, folder } = trace;
    const bodies = `${folder}/${QUEUE}/bodies/`;
    const last = writesOf(calls, bodies, '').at(-1);
    assert.ok(last !== undefined, 'the message was seen on its way to its file');
    const synced = assertSynced(t, calls, last, reply);
    const named = syncOf(calls, dirname(last.file), last.returned as number);
    assert.ok(named?.returned !== undefined && named.returned < reply.began, 'the folder was synced in time');
    const wal = calls.filter(({ name, file }) => SYNCS.includes(name) && file.endsWith('-wal'));
    const committed = wal.find(({ began }) => began > (synced.returned as number));
    assert.ok(committed?.returned !== undefined && committed.returned < reply.began, 'and then the commit');
    assert.ok(named.returned < committed.began, 'the commit names a file whose name is durable');
  });
}

/** Sends one message to a server that is watched. undefined: strace cannot be had here, and the test is skipped. */
async function traceOf(
  t: TestContext,
  thread: 'main' | 'worker',
  size: number,
): Promise<{ calls: readonly SystemCall[]; reply: SystemCall; folder: string } | undefined> {
  if (lacks(t, missingProgram('strace', '-o', '/dev/null', 'true'))) return undefined;
  using folder = new TemporaryFolder('posthouse-sync');
  const store = durableStore({ thread });
  await using server = await ServerProcess.start(folder.path, { plugins: [store, acceptDomain()] });
  const client = await SmtpClient.greet(server.port);
  const strace = await Strace.attach(server.pid, [...SYNCS, ...WRITES]);
  const line = `${'x'.repeat(70)}\r\n`;
  const filling = line.repeat(Math.floor(size / line.length));
  const content = `Subject: ${MARK}\r\n\r\n${filling}`;
  const answer = await client.send({ sender: 'a@client.example', recipients: [`b@${DOMAIN}`] }, content);
  assert.match(`${answer.code} ${answer.text}`, /^250 2\.0\.0 Queued/);
  const calls = await strace.detach();
  await client.quit();
  const reply = calls.find(({ args }) => args.includes('"250 2.0.0 Queued'));
  assert.ok(reply !== undefined, 'the reply was seen');
  return { calls, reply, folder: folder.path };
}

function writesOf(calls: readonly SystemCall[], below: string, mark: string): readonly SystemCall[] {
  return calls.filter(
    ({ name, file, args }) => WRITES.includes(name) && file.startsWith(below) && args.includes(mark),
  );
}

function syncOf(calls: readonly SystemCall[], file: string, after: number): SystemCall | undefined {
  return calls.find((call) => SYNCS.includes(call.name) && call.file === file && call.began > after);
}

/** The sync that made a write durable: begun after the write had returned, successful, returned before the reply began. */
function assertSynced(
  t: TestContext,
  calls: readonly SystemCall[],
  write: SystemCall,
  reply: SystemCall,
): SystemCall {
  const sync = syncOf(calls, write.file, write.returned as number);
  assert.ok(sync?.returned !== undefined, `${write.file} was synced after the write`);
  assert.match(sync.result, /^0\b/);
  assert.ok(sync.returned < reply.began, `${sync.name} of ${sync.file} returned before the 250 was written`);
  t.diagnostic(
    `${write.name} at ${write.began}, ${sync.name} ${sync.began} to ${sync.returned}, 250 at ${reply.began} of the trace: ${sync.file}`,
  );
  return sync;
}
