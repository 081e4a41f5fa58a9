// A receiving worker that dies under load takes its own connections along and nothing else: what had its 250 arrives.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { untilQueueIsEmpty } from '../support/control.ts';
import { CONTROL, DOMAIN, durableHouse, MAIL } from '../support/durable-house.ts';
import { Ledger } from '../support/ledger.ts';
import { loadUntilKilled } from '../support/load.ts';
import { Random, seedFromEnvironment } from '../support/random.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { SmtpClient } from '../support/smtp-client.ts';

const DEATHS = Number(process.env.POSTHOUSE_DEATHS ?? 4);
const CONNECTIONS = 12;
const KIB = 1024;

/** Ends the thread that it is asked in, one way or the other. */
const DEADLY = `
export default { plugin: { name: 'check-deadly', setup: () => ({ hooks: { 'on-mail-from': ({ sender }) => {
  if (sender?.local === 'throw') setImmediate(() => { throw new Error('a bug'); });
  if (sender?.local === 'exit') process.exit(1);
  if (sender?.local === 'heap') for (const all = []; ; ) all.push(new Array(1_000_000).fill(0.5));
} } }) } };
`;

test('what has its 250 arrives whole, however often a receiving worker dies under load', async (t) => {
  const seed = seedFromEnvironment();
  t.diagnostic(`POSTHOUSE_SEED=${seed}`);
  const random = new Random(seed);
  const ledger = new Ledger(random, 400 * KIB);
  using folder = new TemporaryFolder('posthouse-worker-dies');
  writeFileSync(folder.join('deadly.mjs'), DEADLY);
  const { plugins } = durableHouse();
  const house = durableHouse({ workers: 2, plugins: [{ use: './deadly.mjs' }, ...plugins] });
  await using server = await ServerProcess.start(folder.path, house);

  let loading = true;
  const load = async (): Promise<void> => {
    // A client whose worker has died connects again, as mail servers do.
    while (loading && server.running) {
      await loadUntilKilled(
        server.port,
        ledger,
        () => (loading ? random.between(KIB, random.next() < 0.9 ? 16 * KIB : 400 * KIB) : KIB),
        () => `box${random.between(1, 5)}@${DOMAIN}`,
        () => loading,
      );
    }
  };
  const loads = Array.from({ length: CONNECTIONS }, load);
  for (let death = 1; death <= DEATHS; death++) {
    await wait(random.between(50, 400));
    const killer = await SmtpClient.greet(server.port);
    const sender = death % 2 === 0 ? 'exit@client.example' : 'throw@client.example';
    await killer.send({ sender, recipients: [`box1@${DOMAIN}`] }, Buffer.from('x')).catch(() => undefined);
    killer.destroy();
    await server.until(() => server.log.filter(({ msg }) => msg === 'worker-replaced').length >= death);
  }
  loading = false;
  await Promise.all(loads);

  await untilQueueIsEmpty(folder.join(CONTROL));
  await server.stop();
  const { lost, damaged, duplicates, arrived, unpromised } = ledger.compare(folder.join(MAIL));
  t.diagnostic(`${ledger.sent} messages begun, ${ledger.promised} had their 250, ${arrived} arrived`);
  t.diagnostic(`${unpromised} of them without a 250; ${duplicates} duplicates`);
  assert.deepEqual({ lost, damaged }, { lost: [], damaged: [] });
  assert.equal(server.log.filter(({ msg }) => msg === 'worker-died').length, DEATHS);
  assert.ok(ledger.promised > DEATHS * 10, 'there was too little load to show anything');
});

test('a worker whose heap is full ends alone and is replaced', async () => {
  using folder = new TemporaryFolder('posthouse-worker-heap');
  writeFileSync(folder.join('deadly.mjs'), DEADLY);
  const { plugins } = durableHouse();
  const house = durableHouse({ workers: 2, plugins: [{ use: './deadly.mjs' }, ...plugins] });
  // Filling gigabytes would take its time.
  await using server = await ServerProcess.start(folder.path, house, {
    NODE_OPTIONS: '--max-old-space-size=80',
  });
  const killer = await SmtpClient.greet(server.port);
  await killer
    .begin({ sender: 'heap@client.example', recipients: [`box1@${DOMAIN}`] })
    .catch(() => undefined);
  killer.destroy();
  const { why } = await server.until(({ msg }) => msg === 'worker-died');
  assert.match(String(why), /memory limit/);
  await server.until(({ msg }) => msg === 'worker-replaced');
  // Both workers, whichever the client gets.
  for (let message = 0; message < 8; message++) {
    const client = await SmtpClient.greet(server.port);
    const envelope = { sender: 'a@client.example', recipients: [`box1@${DOMAIN}`] };
    assert.equal((await client.send(envelope, 'Subject: after\r\n\r\ntext\r\n')).code, 250);
    await client.quit();
  }
  await server.stop();
});
