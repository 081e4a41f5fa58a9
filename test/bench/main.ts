// npm run bench: Posthouse against its peers, in one run on one disk.
//
//   --suite NAME      promises (default; says which aims are reached), matrix (every combination: hours), guard (short; fails below the floors)
//   --servers A,B     only these; those that are not installed are left out anyhow
//   --jobs A,B        only these of accept, relay, maildir
//   --source NAME     only the load of smtp-source or of generator
//   --sessions N      only that many sessions
//   --size N          only messages of that many octets
//   --repetitions N   runs of each cell (default 3)
//   --seconds N       how long a run takes, roughly (default 2)
//   --idle N          measure the memory of N idle connections instead
//   --json FILE       the figures for programs
//   --svg FILE        the figures as a picture

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { verdicts, verdictTable } from './aims.ts';
import type { Contestant } from './contestant.ts';
import { exim } from './contestants/exim.ts';
import { haraka } from './contestants/haraka.ts';
import { opensmtpd } from './contestants/opensmtpd.ts';
import { postfix } from './contestants/postfix.ts';
import { posthouse, twelvePlugins } from './contestants/posthouse.ts';
import { responder, smtpServer } from './contestants/programs.ts';
import { belowTheFloor } from './guard.ts';
import { idle, idleTable } from './idle.ts';
import { benchDisk } from './journaled-disk.ts';
import { startSink } from './next-hop.ts';
import { picture } from './picture.ts';
import { table } from './report.ts';
import { type Scenario, SUITES, type Suite } from './scenario.ts';
import { compare } from './tournament.ts';

const { values } = parseArgs({
  options: {
    suite: { type: 'string', default: 'promises' },
    servers: { type: 'string' },
    jobs: { type: 'string' },
    source: { type: 'string' },
    sessions: { type: 'string' },
    size: { type: 'string' },
    repetitions: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    idle: { type: 'string' },
    json: { type: 'string' },
    svg: { type: 'string' },
  },
});

const ALL: readonly Contestant[] = [
  posthouse('Posthouse'),
  posthouse('Posthouse, 12 plugins', twelvePlugins),
  responder,
  postfix,
  exim,
  opensmtpd,
  haraka,
  smtpServer,
];
/** The peers whose 250 means that the message has been synced. */
const RIVALS = [postfix, exim, haraka, smtpServer].filter(({ syncs }) => syncs).map(({ name }) => name);
/** The guard compares with what a run of the same minute says the machine can do. */
const GUARDS: readonly Contestant[] = [posthouse('Posthouse'), responder, postfix];

async function bench(): Promise<void> {
  const suite = chosenSuite(values.suite);
  const contestants = installed(suite === 'guard' ? GUARDS : ALL);
  using disk = benchDisk();
  const caption = `${contestants.map(({ name, version }) => `${name} ${version()}`).join(', ')}; ${cpus().length} processors, load generator on the same ones; queues on ${disk.description}`;
  console.log(caption);
  if (values.idle !== undefined) {
    console.log(`\n${idleTable(await idle(contestants, Number(values.idle), disk.folder))}\n`);
    return;
  }
  await using sink = await startSink();
  const rows = await compare(contestants, SUITES[suite]().filter(isAsked), sink, {
    repetitions: Number(values.repetitions),
    seconds: Number(values.seconds),
    folder: disk.folder,
  });
  console.log(`\n${table(rows)}\n`);
  const judged = suite === 'promises' ? verdicts(rows, RIVALS) : [];
  if (judged.length > 0) console.log(`${verdictTable(judged)}\n`);
  if (values.json !== undefined)
    writeFileSync(values.json, JSON.stringify({ caption, rows, aims: judged }, undefined, 2));
  if (values.svg !== undefined) writeFileSync(values.svg, picture(rows, caption));
  const shortfalls = suite === 'guard' ? belowTheFloor(rows) : [];
  for (const shortfall of shortfalls) console.error(shortfall);
  if (shortfalls.length > 0) process.exitCode = 1;
}

function chosenSuite(name: string): Suite {
  if (name in SUITES) return name as Suite;
  throw new Error(`there is no suite ${name}, only ${Object.keys(SUITES).join(', ')}`);
}

function installed(contestants: readonly Contestant[]): readonly Contestant[] {
  const asked = values.servers?.split(',').map((name) => name.trim().toLowerCase());
  return contestants.filter((contestant) => {
    if (asked !== undefined && !asked.includes(contestant.name.toLowerCase())) return false;
    if (contestant.version() !== undefined) return true;
    console.error(`${contestant.name} is not installed here and takes no part`);
    return false;
  });
}

/** smtp-source comes with Postfix: without it, its cells are left out. */
const hasSmtpSource = spawnSync('smtp-source', []).error === undefined;

function isAsked({ job, source, sessions, size }: Scenario): boolean {
  const is = (asked: string | undefined, value: string | number): boolean =>
    asked === undefined || asked.split(',').includes(String(value));
  return (
    is(values.jobs, job) &&
    is(values.source, source) &&
    is(values.sessions, sessions) &&
    is(values.size, size) &&
    (source !== 'smtp-source' || hasSmtpSource)
  );
}

await bench();
