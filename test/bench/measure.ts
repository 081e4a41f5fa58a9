// One run of one load against one server: the rate, what it cost, and how long a client waited.

import { execFileSync, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Job, RECIPIENT, type RunningServer } from './contestant.ts';
import { accountsOf } from './process-accounts.ts';
import type { Load, LoadResult } from './programs/generator.ts';
import type { Scenario } from './scenario.ts';

export interface Measurement {
  /** Messages per second, from the first to the last that was accepted, relayed or delivered. */
  readonly rate: number;
  /** CPU milliseconds per message, of all processes of the server. */
  readonly cpu: number;
  /** Milliseconds for one message to its 250; undefined where smtp-source, which does not tell, made the load. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  /** Octets, of the largest process since it was started. */
  readonly peakMemory: number;
}

export interface NextHop {
  count(): Promise<number>;
}

export async function measure(
  server: RunningServer,
  scenario: Scenario,
  messages: number,
  nextHop: NextHop,
): Promise<Measurement> {
  const { job, source, ...rest } = scenario;
  await quiet(server.pid);
  const before = accountsOf(server.pid);
  const done = await progress(job, server, nextHop);
  const began = performance.now();
  const load: Load = { ...rest, port: server.port, messages, recipient: RECIPIENT };
  const result = source === 'generator' ? await generate(load) : smtpSource(load);
  if (result.accepted !== messages) throw new Error(`${result.accepted} of ${messages} were accepted`);
  let seconds = result.seconds;
  if (job !== 'accept') {
    await until(async () => (await progress(job, server, nextHop)) - done >= messages, job);
    seconds = (performance.now() - began) / 1000;
  }
  await quiet(server.pid);
  const after = accountsOf(server.pid);
  return {
    rate: messages / seconds,
    cpu: (after.cpu - before.cpu) / messages,
    p50: result.p50,
    p99: result.p99,
    peakMemory: after.peakMemory,
  };
}

async function progress(job: Job, { maildir }: RunningServer, nextHop: NextHop): Promise<number> {
  if (job === 'accept') return 0;
  if (job === 'relay') return nextHop.count();
  try {
    return readdirSync(maildir).length;
  } catch {
    return 0;
  }
}

interface Sent {
  readonly accepted: number;
  readonly seconds: number;
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

function generate(load: Load): Promise<LoadResult> {
  const script = fileURLToPath(new URL('./programs/generator.js', import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, JSON.stringify(load)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output) as LoadResult);
      else reject(new Error(`the generator ended with ${code}`));
    });
  });
}

function smtpSource({ port, sessions, messages, size, recipient, connections }: Load): Sent {
  const counts = ['-s', String(sessions), '-m', String(messages), '-l', String(size)];
  const kept = connections === 'kept' ? ['-d'] : [];
  const began = performance.now();
  execFileSync('smtp-source', [
    ...kept,
    ...counts,
    '-f',
    'bench@client.example',
    '-t',
    recipient,
    `127.0.0.1:${port}`,
  ]);
  const seconds = (performance.now() - began) / 1000;
  return { accepted: messages, seconds, p50: undefined, p99: undefined };
}

/** Waits until the server has nothing to do any more. */
async function quiet(pid: number): Promise<void> {
  let before = accountsOf(pid).cpu;
  await until(async () => {
    await wait(200);
    const now = accountsOf(pid).cpu;
    const idle = now - before <= 10;
    before = now;
    return idle;
  }, 'coming to rest');
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what}: not done within two minutes`);
    await wait(20);
  }
}
