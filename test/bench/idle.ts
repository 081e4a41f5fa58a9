// What a connection costs that says EHLO and then nothing: the memory of all processes of a server, before and after, with
// what they share counted once.

import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Behaviour } from '../support/crowd.ts';
import { CrowdProcess } from '../support/crowd-process.ts';
import type { Contestant, RunningServer } from './contestant.ts';
import { familyOf } from './process-accounts.ts';

export interface IdleRow {
  readonly server: string;
  readonly connections: number;
  /** Octets of the server with no client. */
  readonly empty: number;
  /** Octets for each connection; undefined where the server would not hold so many. */
  readonly plain: number | undefined;
  /** The same after STARTTLS; undefined too where the server has no TLS. */
  readonly tls: number | undefined;
}

/** One process of clients holds so many: each has a limit of open files as well. */
const CROWD = 2500;
/** Milliseconds for a server to settle. */
const SETTLED = 1500;

export async function idle(
  contestants: readonly Contestant[],
  connections: number,
  folder: string,
): Promise<readonly IdleRow[]> {
  const rows: IdleRow[] = [];
  for (const contestant of contestants) {
    console.error(`${connections} idle connections: ${contestant.name}`);
    const arena = {
      folder: `${folder}/idle-${contestant.name.replace(/\W+/g, '-')}`,
      job: 'accept',
      nextHop: 9,
    } as const;
    const server = await contestant.start(arena);
    try {
      rows.push({
        server: contestant.name,
        connections,
        empty: await memoryAtRest(server.pid),
        plain: await held(server, connections, 'idle'),
        tls: contestant.tls === false ? undefined : await held(server, connections, 'idle-starttls'),
      });
    } finally {
      await server.stop();
    }
  }
  return rows;
}

async function held(
  { port, pid }: RunningServer,
  count: number,
  behaviour: Behaviour,
): Promise<number | undefined> {
  try {
    // The first clients cost what is made once for all.
    await (await gather(port, 20, behaviour)).disposeAsync();
    const empty = await memoryAtRest(pid);
    const crowds = await gather(port, count, behaviour);
    const each = ((await memoryAtRest(pid)) - empty) / count;
    await crowds.disposeAsync();
    return each;
  } catch {
    return undefined;
  }
}

async function memoryAtRest(pid: number): Promise<number> {
  await wait(SETTLED);
  return memoryOf(pid);
}

async function gather(port: number, count: number, behaviour: Behaviour): Promise<AsyncDisposableStack> {
  const crowds = new AsyncDisposableStack();
  try {
    for (let from = 0; from < count; from += CROWD) {
      const subnet = 20 + from / 250;
      const crowd = crowds.use(
        await CrowdProcess.gather({ port, behaviour, subnet, count: Math.min(CROWD, count - from) }),
      );
      const { clients } = await crowd.until('placed', 1000);
      if (clients < Math.min(CROWD, count - from)) throw new Error(`only ${clients} connections are held`);
    }
    return crowds;
  } catch (error) {
    await crowds.disposeAsync();
    throw error;
  }
}

/** Octets: the proportional set size of all processes, so that pages they share are counted once. */
function memoryOf(root: number): number {
  return familyOf(root).reduce((sum, pid) => sum + proportionalSize(pid), 0);
}

function proportionalSize(pid: number): number {
  try {
    const match = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
    return Number(match?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

export function idleTable(rows: readonly IdleRow[]): string {
  const lines = [
    '| server | connections | idle, MiB | KiB for each connection | under TLS |',
    '| --- | --- | --- | --- | --- |',
  ];
  const kib = (octets: number | undefined): string =>
    octets === undefined ? '–' : (octets / 1024).toFixed(1);
  for (const { server, connections, empty, plain, tls } of rows)
    lines.push(
      `| ${server} | ${connections} | ${(empty / 1024 ** 2).toFixed(0)} | ${kib(plain)} | ${kib(tls)} |`,
    );
  return lines.join('\n');
}
