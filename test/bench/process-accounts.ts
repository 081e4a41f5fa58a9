// What the processes of a server have cost: CPU time of the whole family, children that have ended included, and the
// peak memory of the largest member.

import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second: 100 on every Linux that Node runs on. */
const TICKS = 100;

interface ProcessEntry {
  readonly parent: number;
  /** Milliseconds of CPU, user and system, with those of the children that were waited for. */
  readonly cpu: number;
}

export interface Accounts {
  /** Milliseconds. */
  readonly cpu: number;
  /** Octets. */
  readonly peakMemory: number;
}

export function accountsOf(root: number): Accounts {
  const all = processes();
  const family = familyOf(root, all);
  return {
    cpu: family.reduce((sum, pid) => sum + (all.get(pid)?.cpu ?? 0), 0),
    peakMemory: family.reduce((peak, pid) => Math.max(peak, peakMemoryOf(pid)), 0),
  };
}

/** A process and all that descend from it. */
export function familyOf(root: number, all = processes()): readonly number[] {
  const family = [root];
  for (const member of family) {
    for (const [pid, { parent }] of all) if (parent === member) family.push(pid);
  }
  return family;
}

function processes(): ReadonlyMap<number, ProcessEntry> {
  const entries = new Map<number, ProcessEntry>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    if (stat === undefined) continue;
    // The name in parentheses may hold anything; the fields follow its last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
    entries.set(Number(name), { parent: Number(fields[1]), cpu: (ticks * 1000) / TICKS });
  }
  return entries;
}

function peakMemoryOf(pid: number): number {
  const match = /VmHWM:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`) ?? '');
  return match === null ? 0 : Number(match[1]) * 1024;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
