// A damaged entry of the queue is set aside, named in the log and counted; it stops neither the start nor the others.

import assert from 'node:assert/strict';
import { readdirSync, truncateSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { queueEntries, retryQueue, untilQueueIsEmpty } from '../support/control.ts';
import {
  acceptDomain,
  CONTROL,
  DOMAIN,
  durableHouse,
  durableStore,
  MAIL,
  QUEUE,
} from '../support/durable-house.ts';
import { Ledger } from '../support/ledger.ts';
import { Random, seedFromEnvironment } from '../support/random.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { expectCode, SmtpClient } from '../support/smtp-client.ts';

const KIB = 1024;
const SMALL = 12;
const LARGE = 4;

interface Victim {
  readonly how: string;
  readonly ledgerId: string;
  readonly item: string;
}

test('damaged entries are set aside and named, and all others are delivered', async (t) => {
  const random = new Random(seedFromEnvironment());
  const ledger = new Ledger(random, 400 * KIB);
  using folder = new TemporaryFolder('posthouse-damaged');
  const queued = new Map<string, string>();

  await using first = await ServerProcess.start(folder.path, {
    ...durableHouse(),
    plugins: [durableStore(), acceptDomain()],
  });
  const client = await SmtpClient.greet(first.port);
  for (let count = 0; count < SMALL + LARGE; count += 1) {
    const { id, content } = ledger.next(count < SMALL ? 4 * KIB : 350 * KIB);
    const envelope = { sender: 'a@client.example', recipients: [`box@${DOMAIN}`] };
    const { text } = expectCode(await client.send(envelope, content), 250);
    ledger.promise(id);
    queued.set(text.split(' ').at(-1) as string, id);
  }
  await client.quit();
  const items = new Map<string, string>();
  for (const { item } of await queueEntries(folder.join(CONTROL))) items.set(item.message, item.id);
  await first.stop();

  const victims: Victim[] = [];
  const messages = [...queued.keys()];
  const victim = (how: string, message: string): string => {
    victims.push({ how, ledgerId: queued.get(message) as string, item: items.get(message) as string });
    return message;
  };
  const db = new DatabaseSync(folder.join(QUEUE, 'queue.sqlite'));
  try {
    const run = (sql: string, how: string, message: string): void => {
      assert.equal(db.prepare(sql).run(victim(how, message)).changes, 1, how);
    };
    const [a = '', b = '', c = '', d = '', e = ''] = messages;
    run('UPDATE item SET rest = \'{"recipients":[\' WHERE message = ?', 'an item that is no JSON', a);
    run('UPDATE item SET rest = \'{"recipients":7}\' WHERE message = ?', 'an item of another shape', b);
    run("UPDATE message SET record = 'x' || record WHERE id = ?", 'a message that is no JSON', c);
    run('UPDATE message SET body = substr(body, 1, 100) WHERE id = ?', 'a body cut short', d);
    run('DELETE FROM message WHERE id = ?', 'an item without its message', e);
    const fileOf = (message: string): string => {
      const row = db.prepare('SELECT file FROM message WHERE id = ?').get(message) as { file: string };
      return folder.join(QUEUE, 'bodies', row.file);
    };
    unlinkSync(fileOf(victim('a body file that is gone', messages[SMALL] as string)));
    truncateSync(fileOf(victim('a body file cut short', messages[SMALL + 1] as string)), 1000);
  } finally {
    db.close();
  }

  await using second = await ServerProcess.start(folder.path, durableHouse());
  await retryQueue(folder.join(CONTROL), {});
  await untilQueueIsEmpty(folder.join(CONTROL), 20_000);
  const named = await Promise.all(
    victims.map(({ item }) =>
      second.until((line) => line.msg === 'entry-damaged' && line.entry === item, 5000),
    ),
  );
  await second.stop();
  victims.forEach(({ how }, index) => {
    t.diagnostic(`${how}: ${named[index]?.text}`);
    assert.equal(named[index]?.level, 'error');
  });
  const { lost, damaged, arrived, duplicates } = ledger.compare(folder.join(MAIL));
  assert.deepEqual(
    [...lost].sort(),
    victims.map(({ ledgerId }) => ledgerId).sort(),
    'only the victims are missing',
  );
  assert.deepEqual(damaged, [], 'nothing damaged was delivered');
  t.diagnostic(
    `${arrived} of ${ledger.sent} delivered, ${victims.length} set aside, ${duplicates} duplicates`,
  );
  const kept = readdirSync(join(folder.path, QUEUE));
  assert.ok(kept.includes('queue.sqlite'), 'the queue is still there to be looked at');
});
