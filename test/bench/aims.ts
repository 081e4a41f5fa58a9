// What the project has set itself, and whether a run of the suite `promises` reached it: a row for each aim. Pure.
// Aims that need a run of their own are named with the command that measures them.

import { median, ratio } from './report.ts';
import { described, KIB, ordinary, type Scenario } from './scenario.ts';
import type { Result, Row } from './tournament.ts';

export interface Verdict {
  /** What was measured: the job and its load. */
  readonly what: string;
  readonly aim: string;
  /** Undefined where the run says nothing of it: a server that is not installed, a scenario that was left out. */
  readonly measured: string | undefined;
  readonly reached: boolean | undefined;
}

interface Aim {
  readonly of: Partial<Scenario>;
  readonly aim: string;
  /** What was measured, and whether that is enough; undefined where a figure is missing. */
  judge(row: Row): { readonly measured: string; readonly reached: boolean } | undefined;
}

const OURS = 'Posthouse';
const MOST_MEMORY = 200 * KIB ** 2;

/** @param rivals servers whose 250 means that the message has been synced */
function aims(rivals: readonly string[]): readonly Aim[] {
  const accept = { ...ordinary, job: 'accept' } as const;
  const relay = { ...ordinary, job: 'relay' } as const;
  const maildir = { ...ordinary, job: 'maildir' } as const;
  const alone = { ...accept, sessions: 1 } as const;
  return [
    times(accept, 'Postfix', 8),
    times(accept, 'Haraka', 15),
    times(accept, 'bare responder', 0.75),
    cpu(accept, 0.12),
    times(relay, 'Postfix', 5),
    times(relay, 'Haraka', 10),
    cpu(relay, 0.35),
    times(maildir, 'Postfix', 4),
    quickest(alone, 'p50', rivals),
    quickest(alone, 'p99', rivals),
    times({ ...accept, connections: 'new' }, 'Postfix', 4),
    times({ ...relay, connections: 'new' }, 'Postfix', 4),
    times({ ...accept, size: 100 * KIB }, 'Postfix', 5),
    times({ ...relay, size: 100 * KIB }, 'Postfix', 4),
    times(accept, OURS, 0.9, 'Posthouse, 12 plugins'),
    memory(accept),
    memory(relay),
    memory(maildir),
  ];
}

const ELSEWHERE: readonly Verdict[] = [
  ['the reference configuration', 'at least 0.6 of the bare rate: npm run bench:checks'],
  ['idle connections', 'at most 15 KiB, 60 KiB under TLS: npm run bench -- --idle 10000'],
  ['1,000,000 queued items', 'at least 0.85 of the rate with 1,000: npm run bench:depth'],
].map(([what = '', aim = '']) => ({ what, aim, measured: undefined, reached: undefined }));

function times(of: Aim['of'], other: string, least: number, ours = OURS): Aim {
  return {
    of,
    aim: `${ours === OURS ? '' : `${ours}: `}at least ${least} times the rate of ${other}`,
    judge(row) {
      const reached = ratio(row, ours, other);
      if (reached === undefined) return undefined;
      return { measured: `${reached.toFixed(2)} times`, reached: reached >= least };
    },
  };
}

function cpu(of: Aim['of'], most: number): Aim {
  return {
    of,
    aim: `at most ${most} CPU-ms for a message`,
    judge(row) {
      const runs = runsOf(row, OURS);
      if (runs.length === 0) return undefined;
      const measured = median(runs.map((run) => run.cpu));
      return { measured: `${measured.toFixed(3)} ms`, reached: measured <= most };
    },
  };
}

function quickest(of: Aim['of'], which: 'p50' | 'p99', rivals: readonly string[]): Aim {
  const waitOf = (row: Row, server: string): number | undefined => {
    const waits = runsOf(row, server).flatMap((run) => run[which] ?? []);
    return waits.length === 0 ? undefined : median(waits);
  };
  return {
    of,
    aim: `${which} of a transaction below that of every peer that syncs`,
    judge(row) {
      const ours = waitOf(row, OURS);
      const theirs = rivals.flatMap((name) => {
        const wait = waitOf(row, name);
        return wait === undefined ? [] : [{ name, wait }];
      });
      if (ours === undefined || theirs.length === 0) return undefined;
      const best = theirs.reduce((one, other) => (other.wait < one.wait ? other : one));
      const measured = `${ours.toFixed(2)} ms, ${best.name} ${best.wait.toFixed(2)}`;
      return { measured, reached: ours < best.wait };
    },
  };
}

function memory(of: Aim['of']): Aim {
  return {
    of,
    aim: 'at most 200 MiB at the peak, since the start of the server',
    judge(row) {
      const runs = runsOf(row, OURS);
      if (runs.length === 0) return undefined;
      const peak = Math.max(...runs.map(({ peakMemory }) => peakMemory));
      return { measured: `${(peak / KIB ** 2).toFixed(0)} MiB`, reached: peak <= MOST_MEMORY };
    },
  };
}

function runsOf(row: Row, server: string): Result['runs'] {
  return row.results.find((each) => each.server === server)?.runs ?? [];
}

/** @param rivals servers whose 250 means that the message has been synced */
export function verdicts(rows: readonly Row[], rivals: readonly string[]): readonly Verdict[] {
  const judged = aims(rivals).map(({ of, aim, judge }): Verdict => {
    const wanted = Object.entries(of) as [keyof Scenario, unknown][];
    const row = rows.find(({ scenario }) => wanted.every(([key, value]) => scenario[key] === value));
    const what = `${of.job}, ${described({ ...ordinary, job: 'accept', ...of })}`;
    return { what, aim, measured: undefined, reached: undefined, ...(row && judge(row)) };
  });
  return [...judged, ...ELSEWHERE];
}

export function verdictTable(all: readonly Verdict[]): string {
  const lines = ['| what | aim | measured | |', '| --- | --- | --- | --- |'];
  for (const { what, aim, measured = 'not in this run', reached } of all)
    lines.push(`| ${what} | ${aim} | ${measured} | ${word(reached)} |`);
  return lines.join('\n');
}

function word(reached: boolean | undefined): string {
  if (reached === undefined) return '';
  return reached ? 'reached' : 'not reached';
}
