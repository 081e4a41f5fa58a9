// At least once, never lost, on the way out too: sender and next hop are killed again and again while mail flows through
// both. What had its 250 reaches the next hop whole, and a second time only what was on its way at a kill.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { untilQueueIsEmpty } from '../support/control.ts';
import { CONTROL, durableHouse, durableStore } from '../support/durable-house.ts';
import { Ledger } from '../support/ledger.ts';
import { loadUntilKilled } from '../support/load.ts';
import { Random, seedFromEnvironment } from '../support/random.ts';
import { type Configuration, ServerProcess, TemporaryFolder } from '../support/server-process.ts';

const KILLS = Number(process.env.POSTHOUSE_KILLS ?? 50);
const CONNECTIONS = 10;
const KIB = 1024;
const LARGEST = 64 * KIB;
/** Each fifth kill is the next hop's, each tenth both at once. */
const victimsOf = (kill: number): { readonly hop: boolean; readonly server: boolean } =>
  kill % 10 === 9 ? { hop: true, server: true } : { hop: kill % 5 === 4, server: kill % 5 !== 4 };
/**
 * Milliseconds around a kill in which a message may reach the next hop and be sent again: what is on its way, and what
 * waits for the commit that removes it. Some tens where the machine is idle; the one that runs this test is busy.
 */
const WINDOW = 500;
/** Milliseconds between looks whether the load has begun. */
const LOOK_EVERY = 5;
const OUTBOX = 'hop';

test('what has its 250 reaches the next hop whole, however often either of the two is killed', async (t) => {
  const seed = seedFromEnvironment();
  t.diagnostic(`POSTHOUSE_SEED=${seed}`);
  const random = new Random(seed);
  const chance = new Random(seed + 1);
  const ledger = new Ledger(random, LARGEST);
  using folder = new TemporaryFolder('posthouse-kill-delivery');
  await using hop = await NextHop.start(folder.join(OUTBOX, 'a'));
  const relay = relayTo(hop.port);
  const kills: number[] = [];
  let server = await ServerProcess.start(folder.path, relay);
  try {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const port = server.port;
      const loads = Array.from({ length: CONNECTIONS }, () =>
        loadUntilKilled(
          port,
          ledger,
          () => random.between(KIB, random.next() < 0.9 ? 8 * KIB : LARGEST),
          () => `r${random.between(1, 5)}@elsewhere.example`,
        ),
      );
      const before = ledger.promised;
      while (ledger.promised === before) await wait(LOOK_EVERY);
      await wait(chance.between(20, 400));
      const victims = victimsOf(kill);
      kills.push(Date.now());
      await Promise.all([victims.hop && hop.kill(), victims.server && server.kill()]);
      if (victims.hop) await hop.restart();
      // The load ends with its server, so one whose next hop alone was killed goes on a little before it ends too.
      if (!victims.server) {
        await wait(chance.between(20, 200));
        kills.push(Date.now());
        await server.kill();
      }
      await Promise.all(loads);
      server = await ServerProcess.start(folder.path, relay);
    }
    await untilQueueIsEmpty(folder.join(CONTROL), 120_000);
    await server.stop();
  } finally {
    await server.kill();
  }

  const { lost, damaged, duplicates, arrived, unpromised, copies } = ledger.compare(folder.join(OUTBOX));
  t.diagnostic(`${ledger.sent} messages begun, ${ledger.promised} had their 250, ${arrived} reached the hop`);
  t.diagnostic(`${unpromised} without a 250; ${duplicates} duplicates in ${kills.length} kills`);
  assert.deepEqual({ lost, damaged }, { lost: [], damaged: [] });
  const far = [...copies.values()].flatMap((files) => distances(files, kills)).sort((a, b) => a - b);
  const share = (part: number): number => far[Math.floor(part * (far.length - 1))] ?? 0;
  t.diagnostic(
    `repeated copies came within ${share(0.5)} ms (half), ${share(0.9)} ms (nine in ten), ${share(1)} ms (all) of a kill`,
  );
  assert.ok(
    share(1) <= WINDOW,
    'a message was sent again that had reached the next hop long before any kill',
  );
  assert.ok(ledger.promised > KILLS * 3, 'there was too little load to show anything');
});

/**
 * For each copy that was repeated: how far from the nearest kill it was complete. After a kill of the sender the next hop
 * still reads what lies in its sockets.
 */
function distances(files: readonly string[], kills: readonly number[]): readonly number[] {
  const times = files.map((file) => Number(basename(file).split('-')[0])).sort((a, b) => a - b);
  return times.slice(0, -1).map((time) => Math.min(...kills.map((kill) => Math.abs(kill - time))));
}

function relayTo(port: number): Configuration {
  return durableHouse({
    plugins: [
      durableStore(),
      { use: '@posthouse/accept-networks', config: { networks: ['127.0.0.0/8'] } },
      { use: '@posthouse/deliver-smtp', config: { smarthost: `[127.0.0.1]:${port}` } },
    ],
    delivery: { retryAfter: ['1s'], laneRest: '1s' },
  });
}

/** The recording hop as a process that can be killed and started again on its port. */
class NextHop implements AsyncDisposable {
  readonly #folder: string;
  #child: ChildProcess;
  #port = 0;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#child = this.#spawn();
  }

  static async start(folder: string): Promise<NextHop> {
    const hop = new NextHop(folder);
    hop.#port = await hop.#listening();
    return hop;
  }

  get port(): number {
    return this.#port;
  }

  async restart(): Promise<void> {
    this.#child = this.#spawn();
    await this.#listening();
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  #spawn(): ChildProcess {
    const script = fileURLToPath(new URL('../support/recording-hop.js', import.meta.url));
    return spawn(process.execPath, [script, this.#folder, String(this.#port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  async #listening(): Promise<number> {
    const { stdout } = this.#child;
    assert.ok(stdout !== null);
    for await (const line of createInterface({ input: stdout })) return Number(line);
    throw new Error('the next hop did not start');
  }
}
