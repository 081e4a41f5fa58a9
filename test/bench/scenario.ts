// What is sent in one run, and which runs a suite consists of.

import { JOBS, type Job } from './contestant.ts';

/** Who makes the load: Postfix's smtp-source, one command at a time, or our own generator, which pipelines. */
export type Source = 'smtp-source' | 'generator';

export interface Scenario {
  readonly job: Job;
  readonly source: Source;
  readonly sessions: number;
  /** Octets of a message. */
  readonly size: number;
  /** A connection for each message, or one for all that a session sends. */
  readonly connections: 'kept' | 'new';
  readonly tls: boolean;
  /** See Load: for the generator. */
  readonly client?: string;
  readonly file?: string;
}

export const KIB = 1024;
const MIB = 1024 * KIB;
/** The load that a figure is of where nothing else is said. */
export const ordinary = {
  source: 'generator',
  sessions: 100,
  size: 4 * KIB,
  connections: 'kept',
  tls: false,
} as const;

/** What the project promises, each once. */
const promises: readonly Scenario[] = [
  { ...ordinary, job: 'accept' },
  { ...ordinary, job: 'accept', source: 'smtp-source', sessions: 10 },
  { ...ordinary, job: 'accept', sessions: 1 },
  { ...ordinary, job: 'accept', connections: 'new' },
  { ...ordinary, job: 'accept', size: 100 * KIB },
  { ...ordinary, job: 'accept', size: 5 * MIB, sessions: 10 },
  { ...ordinary, job: 'accept', tls: true },
  { ...ordinary, job: 'relay' },
  { ...ordinary, job: 'relay', source: 'smtp-source', sessions: 10 },
  { ...ordinary, job: 'relay', connections: 'new' },
  { ...ordinary, job: 'relay', size: 100 * KIB },
  { ...ordinary, job: 'maildir' },
];

/** Every combination. */
function matrix(): readonly Scenario[] {
  const all: Scenario[] = [];
  for (const job of JOBS)
    for (const size of [4 * KIB, 100 * KIB, 5 * MIB])
      for (const sessions of [1, 10, 100, 1000])
        for (const connections of ['kept', 'new'] as const)
          for (const tls of [false, true]) {
            // A thousand sessions of 5 MiB at once would measure the memory of the machine.
            if (size * sessions <= 500 * MIB)
              all.push({ job, source: 'generator', sessions, size, connections, tls });
          }
  return all;
}

export const SUITES = {
  promises: () => promises,
  matrix,
  /** Short, for every change. */
  guard: () => JOBS.map((job) => ({ ...ordinary, job })),
} as const satisfies Readonly<Record<string, () => readonly Scenario[]>>;

export type Suite = keyof typeof SUITES;

/** For the tables: `generator, 100 sessions, 4 KiB, new connections, TLS`. */
export function described({ source, sessions, size, connections, tls }: Scenario): string {
  return [
    source,
    `${sessions} session${sessions === 1 ? '' : 's'}`,
    size >= MIB ? `${size / MIB} MiB` : `${size / KIB} KiB`,
    ...(connections === 'new' ? ['a connection for each'] : []),
    ...(tls ? ['TLS'] : []),
  ].join(', ');
}
