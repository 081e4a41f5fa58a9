// Runs a mail program to its end and gives back what it printed.

import { spawn } from 'node:child_process';

export interface Ran {
  readonly status: number | null;
  /** Standard output and error, as they came. */
  readonly output: string;
}

/** @param input for standard input */
export function run(program: string, args: readonly string[], input: Buffer | string = ''): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: 60_000 });
    let output = '';
    const hear = (bytes: Buffer): void => {
      output += bytes.toString('latin1');
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
    // A program may end before it has read everything.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
