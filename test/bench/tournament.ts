// Runs the servers against each other: all that take part in a job are started side by side and measured in turn,
// A B C A B C, so that a machine that drifts drifts for all.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Contestant, JOBS, type RunningServer } from './contestant.ts';
import { type Measurement, measure, type NextHop } from './measure.ts';
import { described, type Scenario } from './scenario.ts';

export interface Row {
  readonly scenario: Scenario;
  readonly results: readonly Result[];
}

export interface Result {
  readonly server: string;
  readonly runs: readonly Measurement[];
  /** Why there are fewer runs than asked for. */
  readonly failure?: string;
}

export interface Rules {
  readonly repetitions: number;
  /** How long a run of one server should take: it gets as many messages as it takes in that time. */
  readonly seconds: number;
  /** The disk's folder. */
  readonly folder: string;
}

/** Messages of the first run, which tells how many the second gets; that one warms up, and tells it of the others. */
const FIRST = 1000;
/** Octets that a run writes at most: peers that only queue keep all of them. */
const MOST_OCTETS = 512 * 1024 * 1024;
const LEAST_MESSAGES = 50;

export async function compare(
  contestants: readonly Contestant[],
  scenarios: readonly Scenario[],
  nextHop: NextHop & { readonly port: number },
  rules: Rules,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const job of JOBS) {
    const ofJob = scenarios.filter((scenario) => scenario.job === job);
    if (ofJob.length === 0) continue;
    const entered: Entered[] = [];
    const folders: string[] = [];
    try {
      for (const contestant of contestants.filter(({ jobs }) => jobs.includes(job))) {
        const folder = join(rules.folder, `${contestant.name.replace(/\W+/g, '-')}-${job}`);
        folders.push(folder);
        entered.push({
          contestant,
          server: await contestant.start({ folder, job, nextHop: nextHop.port }),
        });
      }
      for (const scenario of ofJob) {
        console.error(`${job}: ${described(scenario)}`);
        rows.push({
          scenario,
          results: await round(entered.filter(canDo(scenario)), scenario, nextHop, rules),
        });
      }
    } finally {
      for (const { server } of entered) await server.stop();
      for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  }
  return rows;
}

interface Entered {
  readonly contestant: Contestant;
  readonly server: RunningServer;
}

function canDo({ sessions, tls }: Scenario): (entered: Entered) => boolean {
  return ({ contestant }) =>
    sessions <= (contestant.mostSessions ?? Number.POSITIVE_INFINITY) && (!tls || contestant.tls !== false);
}

async function round(
  entered: readonly Entered[],
  scenario: Scenario,
  nextHop: NextHop,
  { repetitions, seconds }: Rules,
): Promise<readonly Result[]> {
  const bound = Math.floor(MOST_OCTETS / scenario.size);
  const states = [];
  const fail = (state: { name: string; failure: string }, error: unknown): void => {
    state.failure = error instanceof Error ? error.message : String(error);
    console.error(`  ${state.name}: ${state.failure}`);
  };
  for (const { contestant, server } of entered) {
    const state = {
      name: contestant.name,
      server,
      messages: Math.min(FIRST, bound),
      runs: [] as Measurement[],
      failure: '',
    };
    states.push(state);
    try {
      for (let run = 0; run < 2; run++) {
        const { rate } = await measure(server, scenario, state.messages, nextHop);
        state.messages = Math.max(LEAST_MESSAGES, Math.min(bound, Math.ceil(rate * seconds)));
      }
    } catch (error) {
      fail(state, error);
    }
  }
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const state of states.filter(({ failure }) => failure === '')) {
      try {
        state.runs.push(await measure(state.server, scenario, state.messages, nextHop));
      } catch (error) {
        fail(state, error);
      }
    }
  }
  return states.map(({ name, runs, failure }) => ({
    server: name,
    runs,
    ...(failure !== '' && { failure }),
  }));
}
