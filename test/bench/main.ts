// npm run bench: durable accept, relay and Maildir delivery, Posthouse and Postfix interleaved in one run on one disk.
//
//   --repetitions N   runs of each cell (default 3)
//   --messages N      messages of a Posthouse run (default 12,000; Postfix gets a quarter, as it takes as long)
//   --jobs A,B        only these of accept, relay, maildir
//   --source NAME     only the load of smtp-source or of generator
//   --sessions N      only that many sessions
//   --guard           a short form that fails below the floors that the project promises
//   --json FILE       the figures for programs

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Contestant, Job } from './contestant.ts';
import { benchDisk } from './journaled-disk.ts';
import { measure, type NextHop, type Scenario } from './measure.ts';
import { postfixVersion, startPostfix } from './postfix.ts';
import { startPosthouse } from './posthouse.ts';
import { type Row, ratioOf, table } from './report.ts';

const { values } = parseArgs({
  options: {
    repetitions: { type: 'string' },
    messages: { type: 'string' },
    jobs: { type: 'string' },
    source: { type: 'string' },
    sessions: { type: 'string' },
    guard: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

const repetitions = Number(values.repetitions ?? 3);
const messages = Number(values.messages ?? (values.guard ? 8000 : 12_000));

/** Multiples of Postfix's rate that a change may not fall below. */
const FLOORS: Readonly<Record<Job, number>> = { accept: 4, relay: 2, maildir: 1 };

function scenarios(job: Job): readonly Scenario[] {
  const size = 4096;
  if (values.guard) return [{ job, source: 'generator', sessions: 100, size }];
  const all: readonly Scenario[] = [
    { job, source: 'smtp-source', sessions: 10, size },
    { job, source: 'generator', sessions: 10, size },
    { job, source: 'generator', sessions: 100, size },
  ];
  return all.filter(
    ({ source, sessions }) =>
      (values.source === undefined || values.source === source) &&
      (values.sessions === undefined || Number(values.sessions) === sessions),
  );
}

async function bench(): Promise<void> {
  const postfix = postfixVersion();
  using disk = benchDisk();
  await using sink = await startSink();
  console.log(
    `Posthouse on Node ${process.versions.node}; ${postfix ? `Postfix ${postfix}` : 'no Postfix here'}`,
  );
  console.log(`${cpus().length} processors, load generator on the same ones; queues on ${disk.description}`);
  const rows: Row[] = [];
  const jobs = values.jobs?.split(',');
  for (const job of (['accept', 'relay', 'maildir'] as const).filter(
    (each) => jobs?.includes(each) ?? true,
  )) {
    const arena = (name: string) => ({
      folder: join(disk.folder, `${name}-${job}`),
      job,
      nextHop: sink.port,
    });
    const contestants: Contestant[] = [];
    try {
      contestants.push(await startPosthouse(arena('posthouse')));
      if (postfix !== undefined) contestants.push(await startPostfix(arena('postfix')));
      for (const scenario of scenarios(job)) rows.push(await compare(scenario, contestants, sink));
    } finally {
      for (const contestant of contestants) await contestant.stop();
    }
  }
  console.log(`\n${table(rows)}\n`);
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(rows, undefined, 2));
  if (values.guard) guard(rows);
}

/** Runs in turn, A B A B, so that a drifting machine drifts for both. */
async function compare(
  scenario: Scenario,
  contestants: readonly Contestant[],
  nextHop: NextHop,
): Promise<Row> {
  const runs = contestants.map((): Awaited<ReturnType<typeof measure>>[] => []);
  for (const [index, contestant] of contestants.entries()) {
    await measure(contestant, scenario, share(index), nextHop);
  }
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const [index, contestant] of contestants.entries()) {
      runs[index]?.push(await measure(contestant, scenario, share(index), nextHop));
    }
  }
  return { scenario, posthouse: runs[0] ?? [], postfix: runs[1] ?? [] };
}

function share(contestant: number): number {
  return contestant === 0 ? messages : Math.ceil(messages / 4);
}

function guard(rows: readonly Row[]): void {
  for (const row of rows) {
    const ratio = ratioOf(row);
    const { job } = row.scenario;
    if (ratio !== undefined && ratio < FLOORS[job]) {
      console.error(`${job}: ${ratio.toFixed(2)} times Postfix's rate, the floor is ${FLOORS[job]}`);
      process.exitCode = 1;
    }
  }
}

async function startSink(): Promise<NextHop & AsyncDisposable & { readonly port: number }> {
  const script = fileURLToPath(new URL('./sink.js', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const port = Number((await lines.next()).value);
  return {
    port,
    async count() {
      child.stdin.write('\n');
      return Number((await lines.next()).value);
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
    },
  };
}

await bench();
