// "250 means safe": a server that is killed again and again under load delivers, in the end, all that it has promised.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { untilQueueIsEmpty } from '../support/control.ts';
import { CONTROL, DOMAIN, durableHouse, durableStore, MAIL } from '../support/durable-house.ts';
import { Ledger } from '../support/ledger.ts';
import { loadUntilKilled } from '../support/load.ts';
import { Random, seedFromEnvironment } from '../support/random.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';

const KILLS = Number(process.env.POSTHOUSE_KILLS ?? 20);
const CONNECTIONS = 20;
const MAILBOXES = 5;
const KIB = 1024;
const LARGEST = 600 * KIB;

test('what has its 250 arrives whole, however often the server is killed under load', async (t) => {
  const seed = seedFromEnvironment();
  t.diagnostic(`POSTHOUSE_SEED=${seed}`);
  const random = new Random(seed);
  // By itself, so that a seed gives the same moments again, however many messages came between them.
  const chance = new Random(seed + 1);
  const ledger = new Ledger(random, LARGEST);
  using folder = new TemporaryFolder('posthouse-kill');
  // Turn by turn the two places where the store's database may run.
  const houses = (['main', 'worker'] as const).map((thread) => {
    const { plugins } = durableHouse();
    return durableHouse({ plugins: [durableStore({ thread }), ...plugins.slice(1)] });
  });
  const moments: number[] = [];
  const promisedBefore: number[] = [];

  for (let kill = 0; kill < KILLS; kill += 1) {
    const house = houses[kill % houses.length] ?? durableHouse();
    await using server = await ServerProcess.start(folder.path, house);
    const moment = chance.between(20, 900);
    moments.push(moment);
    promisedBefore.push(ledger.promised);
    const loads = Array.from({ length: CONNECTIONS }, () =>
      loadUntilKilled(
        server.port,
        ledger,
        () => sizeOf(random),
        () => `box${random.between(1, MAILBOXES)}@${DOMAIN}`,
      ),
    );
    await wait(moment);
    await server.kill();
    await Promise.all(loads);
  }
  t.diagnostic(`killed after ${moments.join(', ')} ms of load`);
  const idle = promisedBefore.filter((before, at) => before === (promisedBefore[at + 1] ?? ledger.promised));
  t.diagnostic(
    `${ledger.sent} messages begun, ${ledger.promised} had their 250; ${idle.length} rounds without one`,
  );

  await using last = await ServerProcess.start(folder.path, durableHouse());
  await untilQueueIsEmpty(folder.join(CONTROL));
  await last.stop();

  const { lost, damaged, duplicates, arrived, unpromised } = ledger.compare(folder.join(MAIL));
  t.diagnostic(`${arrived} arrived, ${unpromised} of them without a 250; ${duplicates} duplicates`);
  assert.deepEqual({ lost, damaged }, { lost: [], damaged: [] });
  assert.ok(ledger.promised > KILLS * 10, 'there was too little load to show anything');
});

/** Most mail is small; some is kept inline though large, some in a file of its own. */
function sizeOf(random: Random): number {
  const kind = random.next();
  if (kind < 0.7) return random.between(KIB, 16 * KIB);
  if (kind < 0.88) return random.between(16 * KIB, 256 * KIB);
  return random.between(256 * KIB, LARGEST);
}
