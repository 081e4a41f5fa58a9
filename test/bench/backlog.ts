// npm run bench:backlog: a queue of 200,000 messages to 5,000 destinations, a tenth of them dead, a tenth slow. How much
// slower do the healthy ones get their mail than when they are alone, and how much memory does it take?
//
//   --messages N        messages in the queue (default 200,000)
//   --destinations N    destinations among which they are spread (default 5,000)

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fillQueue } from '../support/fill-queue.ts';
import { ServerProcess } from '../support/server-process.ts';
import { benchDisk } from './journaled-disk.ts';
import { accountsOf } from './process-accounts.ts';

const { values } = parseArgs({
  options: { messages: { type: 'string' }, destinations: { type: 'string' } },
});
const messages = Number(values.messages ?? 200_000);
const destinations = Number(values.destinations ?? 5_000);

/** What the project promises of this bench. */
const LEAST_SHARE = 0.8;
const MOST_MEMORY = 400 * 1024 * 1024;
/** The part of the healthy messages after which the rate is taken: the last ones wait for whoever was unlucky. */
const MEASURED = 0.9;

interface Run {
  /** Messages per second to healthy destinations. */
  readonly rate: number;
  readonly cpu: number;
  /** Octets. */
  readonly peakMemory: number;
  readonly slow: number;
}

async function bench(): Promise<void> {
  using disk = benchDisk();
  const tenth = Math.floor(destinations / 10);
  const healthy = destinations - 2 * tenth;
  const each = Math.floor(messages / destinations);
  console.log(`${messages} messages to ${destinations} destinations, queue on ${disk.description}`);
  const alone = await run(join(disk.folder, 'alone'), { fast: healthy }, each);
  console.log(line(`${healthy} healthy destinations alone`, alone));
  const burdened = await run(join(disk.folder, 'all'), { fast: healthy, slow: tenth, dead: tenth }, each);
  console.log(line(`the same with ${tenth} slow and ${tenth} dead ones`, burdened));
  const share = burdened.rate / alone.rate;
  console.log(`the healthy ones keep ${Math.round(100 * share)} % of their rate`);
  if (share < LEAST_SHARE || burdened.peakMemory > MOST_MEMORY) {
    console.error(`the floor is ${100 * LEAST_SHARE} %, the ceiling ${MOST_MEMORY / 2 ** 20} MiB`);
    process.exitCode = 1;
  }
}

type Kinds = Readonly<Record<string, number>>;

async function run(folder: string, kinds: Kinds, each: number): Promise<Run> {
  mkdirSync(folder, { recursive: true });
  const lanes = Object.entries(kinds).flatMap(([kind, count]) =>
    Array.from({ length: count }, (_, index) => `d${index}.${kind}.test`),
  );
  await fillQueue(join(folder, 'queue'), { count: each * lanes.length, lanes, transport: 'deliver-smtp' });
  await using internet = await startInternet();
  const goal = MEASURED * each * (kinds.fast ?? 0);
  await using server = await ServerProcess.start(folder, {
    dns: { servers: [`127.0.0.1:${internet.dns}`] },
    plugins: [
      // Not `auto`: a disk at the border would put the two runs in different places.
      { use: '@posthouse/store-sqlite', config: { path: './queue', thread: 'worker' } },
      {
        use: '@posthouse/deliver-smtp',
        config: { port: internet.smtp, tls: 'none', greetingTimeout: '30s' },
      },
    ],
  });
  const began = performance.now();
  while ((await internet.taken()).fast < goal) {
    if (performance.now() - began > 600_000) throw new Error('not done within ten minutes');
    await wait(100);
  }
  const seconds = (performance.now() - began) / 1000;
  const { fast, slow } = await internet.taken();
  const { cpu, peakMemory } = accountsOf(server.pid);
  await server.kill();
  return { rate: fast / seconds, cpu: cpu / (fast + slow), peakMemory, slow };
}

function line(what: string, { rate, cpu, peakMemory, slow }: Run): string {
  const memory = Math.round(peakMemory / 2 ** 20);
  return `${what}: ${Math.round(rate)} messages/s to the healthy, ${cpu.toFixed(3)} CPU-ms, peak ${memory} MiB, ${slow} to slow ones`;
}

interface Internet extends AsyncDisposable {
  readonly dns: number;
  readonly smtp: number;
  taken(): Promise<{ readonly fast: number; readonly slow: number }>;
}

async function startInternet(): Promise<Internet> {
  const script = fileURLToPath(new URL('./internet.js', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { dns, smtp } = JSON.parse((await lines.next()).value as string) as { dns: number; smtp: number };
  return {
    dns,
    smtp,
    async taken() {
      child.stdin.write('\n');
      return JSON.parse((await lines.next()).value as string) as { fast: number; slow: number };
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
    },
  };
}

await bench();
