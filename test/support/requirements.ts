// What a test needs of the machine: where it is missing the test is skipped with the reason, or fails where all must run.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';

/** Skips the test, and returns true, when something is missing. With POSTHOUSE_REQUIRE_PROGRAMS=1 it fails instead. */
export function lacks(t: TestContext, missing: string | undefined): boolean {
  if (missing === undefined) return false;
  if (process.env.POSTHOUSE_REQUIRE_PROGRAMS === '1') throw new Error(`cannot run here: ${missing}`);
  t.skip(missing);
  return true;
}

/** Why a program cannot be run, or undefined when it can. */
export function missingProgram(program: string, ...args: readonly string[]): string | undefined {
  const { error, status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (error !== undefined) return `${program} is not installed`;
  return status === 0 ? undefined : `${program} does not work here: ${stderr.trim().split('\n')[0]}`;
}

export function missingLinux(): string | undefined {
  return process.platform === 'linux' ? undefined : 'needs the /proc of Linux';
}

export function missingRoot(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'needs to be root';
}

/** Why a process cannot have so many files open: Node raises its own limit as far as it may. */
export function missingFiles(count: number): string | undefined {
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const hard = /^Max open files +\S+ +(\S+)/m.exec(limits)?.[1];
  return hard === 'unlimited' || Number(hard) >= count
    ? undefined
    : `needs ${count} open files, may have ${hard}`;
}
