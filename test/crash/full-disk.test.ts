// A full disk: the client hears 452 and keeps its message, the server lives, and nothing that had its 250 is lost.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { dropFromQueue, retryQueue, untilQueueIsEmpty } from '../support/control.ts';
import { acceptDomain, CONTROL, DOMAIN, durableHouse, durableStore, MAIL } from '../support/durable-house.ts';
import { Ledger } from '../support/ledger.ts';
import { Random, seedFromEnvironment } from '../support/random.ts';
import { lacks, missingProgram, missingRoot } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { type ClientReply, expectCode, SmtpClient } from '../support/smtp-client.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const DISK = '24m';
const PATIENCE = 10_000;

// Without room that is kept free mail itself could fill the disk until nothing, not even a drop, can be recorded:
// there another program fills it, and leaves again.
for (const { name, keepFree } of [
  { name: 'filled by mail', keepFree: '4 MiB' },
  { name: 'filled by somebody else to the last octet', keepFree: 0 },
]) {
  test(`a disk ${name} gives 452 and loses nothing`, async (t) => {
    if (lacks(t, missingRoot())) return;
    using folder = new TemporaryFolder('posthouse-full');
    const disk = folder.join('disk');
    mkdirSync(disk);
    const mount = ['-t', 'tmpfs', '-o', `size=${DISK}`, 'posthouse-test', disk];
    if (lacks(t, missingProgram('mount', ...mount))) return;
    using _mounted = { [Symbol.dispose]: () => spawnSync('umount', ['-l', disk]) };
    const random = new Random(seedFromEnvironment());
    const ledger = new Ledger(random, 2 * MIB);
    const store = durableStore({ path: './disk/queue', keepFree });
    const undelivered = { ...durableHouse(), plugins: [store, acceptDomain()] };

    await using first = await ServerProcess.start(folder.path, undelivered);
    const client = await SmtpClient.greet(first.port);
    const send = async (size: number, mailbox: string): Promise<ClientReply> => {
      const { id, content } = ledger.next(size);
      const envelope = { sender: 'a@client.example', recipients: [`${mailbox}@${DOMAIN}`] };
      const reply = await client.send(envelope, content);
      // What is dropped later on is no promise that this ledger has to watch.
      if (reply.code === 250 && mailbox !== 'dropped') ledger.promise(id);
      return reply;
    };
    const untilRefused = async (size: () => number, mailbox: string): Promise<number> => {
      for (let accepted = 0; ; accepted += 1) {
        const reply = await send(size(), mailbox);
        if (reply.code === 250) continue;
        assert.match(`${reply.code} ${reply.text}`, /^452 4\.3\.1 /);
        return accepted;
      }
    };

    for (let count = 0; count < 4; count += 1) {
      expectCode(await send(random.between(300 * KIB, MIB), 'dropped'), 250);
      expectCode(await send(random.between(KIB, 64 * KIB), 'dropped'), 250);
      expectCode(await send(random.between(KIB, 400 * KIB), 'box'), 250);
    }
    if (keepFree === 0) fillUp(`${disk}/ballast`);
    const large = await untilRefused(() => random.between(300 * KIB, 2 * MIB), 'box');
    const small = await untilRefused(() => random.between(KIB, 16 * KIB), 'box');
    t.diagnostic(`${large} large and ${small} small messages fitted in`);

    if (keepFree !== 0) fillUp(`${disk}/ballast`);
    for (const size of [300 * KIB, 600 * KIB, 2 * MIB]) {
      const { code, text } = await send(size, 'box');
      assert.match(`${code} ${text}`, /^452 4\.3\.1 /, 'not one octet is free');
    }
    const other = await SmtpClient.greet(first.port);
    expectCode(await other.command('NOOP'), 250);
    await other.quit();

    rmSync(`${disk}/ballast`);
    const dropped = await dropFromQueue(folder.join(CONTROL), { recipient: `dropped@${DOMAIN}` });
    assert.equal(dropped, 8);
    await untilAccepted(() => send(200 * KIB, 'box'));
    await untilAccepted(() => send(600 * KIB, 'box'));
    if (keepFree !== 0) await untilRefused(() => random.between(KIB, 400 * KIB), 'box');
    t.diagnostic(`accepted again after 8 had been dropped; ${ledger.promised} messages have their 250`);
    await client.quit();
    await first.kill();

    await using second = await ServerProcess.start(folder.path, {
      ...durableHouse(),
      plugins: [store, ...durableHouse().plugins.slice(1)],
    });
    await retryQueue(folder.join(CONTROL), {});
    await untilQueueIsEmpty(folder.join(CONTROL), 30_000);
    const again = await SmtpClient.greet(second.port);
    const { id, content } = ledger.next(MIB);
    expectCode(await again.send({ sender: '', recipients: [`box@${DOMAIN}`] }, content), 250);
    ledger.promise(id);
    await untilQueueIsEmpty(folder.join(CONTROL), 30_000);
    await again.quit();
    await second.stop();
    const { lost, damaged, duplicates, arrived } = ledger.compare(folder.join(MAIL));
    t.diagnostic(`${arrived} arrived, ${duplicates} duplicates`);
    assert.deepEqual({ lost, damaged }, { lost: [], damaged: [] });
  });
}

/** Writes until the disk takes no more. */
function fillUp(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const block of [Buffer.alloc(64 * KIB), Buffer.alloc(512)]) {
      try {
        while (writeSync(file, block) > 0);
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
      }
    }
  } finally {
    closeSync(file);
  }
}

/** Room comes back a moment after the drop: files go when the change is durable. */
async function untilAccepted(send: () => Promise<ClientReply>): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const reply = await send();
    if (reply.code === 250) return;
    if (Date.now() > deadline) expectCode(reply, 250);
    await wait(100);
  }
}
