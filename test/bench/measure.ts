// One run of one load against one server: the rate, what it cost, and how long a client waited.

import { execFileSync, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Contestant, type Job, RECIPIENT } from './contestant.ts';
import type { Load, LoadResult } from './generator.ts';
import { accountsOf } from './process-accounts.ts';

/** Who makes the load: Postfix's smtp-source, one command at a time, or our own generator, which pipelines. */
export type Source = 'smtp-source' | 'generator';

export interface Scenario {
  readonly job: Job;
  readonly source: Source;
  readonly sessions: number;
  readonly size: number;
  /** See Load: for the generator. */
  readonly client?: string;
  readonly file?: string;
}

export interface Measurement {
  /** Messages per second, from the first to the last that was accepted, relayed or delivered. */
  readonly rate: number;
  /** CPU milliseconds per message, of all processes of the server. */
  readonly cpu: number;
  /** Milliseconds for one message to its 250; undefined where smtp-source, which does not tell, made the load. */
  readonly p99: number | undefined;
  /** Octets, of the largest process since it was started. */
  readonly peakMemory: number;
}

export interface NextHop {
  count(): Promise<number>;
}

export async function measure(
  contestant: Contestant,
  { job, source, ...scenario }: Scenario,
  messages: number,
  nextHop: NextHop,
): Promise<Measurement> {
  await quiet(contestant.pid);
  const before = accountsOf(contestant.pid);
  const done = await progress(job, contestant, nextHop);
  const began = performance.now();
  const load: Load = { ...scenario, port: contestant.port, messages, recipient: RECIPIENT };
  const result = source === 'generator' ? await generate(load) : smtpSource(load);
  if (result.accepted !== messages)
    throw new Error(`${contestant.name} accepted ${result.accepted} of ${messages}`);
  let seconds = result.seconds;
  if (job !== 'accept') {
    await until(
      async () => (await progress(job, contestant, nextHop)) - done >= messages,
      `${contestant.name}: ${job}`,
    );
    seconds = (performance.now() - began) / 1000;
  }
  await quiet(contestant.pid);
  const after = accountsOf(contestant.pid);
  return {
    rate: messages / seconds,
    cpu: (after.cpu - before.cpu) / messages,
    p99: result.p99,
    peakMemory: after.peakMemory,
  };
}

async function progress(job: Job, { maildir }: Contestant, nextHop: NextHop): Promise<number> {
  if (job === 'accept') return 0;
  if (job === 'relay') return nextHop.count();
  try {
    return readdirSync(maildir).length;
  } catch {
    return 0;
  }
}

type Sent = Pick<LoadResult, 'accepted' | 'seconds'> & { readonly p99: number | undefined };

function generate(load: Load): Promise<Sent> {
  const script = fileURLToPath(new URL('./generator.js', import.meta.url));
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

function smtpSource({ port, sessions, messages, size, recipient }: Load): Sent {
  const counts = ['-s', String(sessions), '-m', String(messages), '-l', String(size)];
  const began = performance.now();
  execFileSync('smtp-source', [
    '-d',
    ...counts,
    '-f',
    'bench@client.example',
    '-t',
    recipient,
    `127.0.0.1:${port}`,
  ]);
  return { accepted: messages, seconds: (performance.now() - began) / 1000, p99: undefined };
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
  }, 'the server does not come to rest');
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what}: not done within two minutes`);
    await wait(20);
  }
}
