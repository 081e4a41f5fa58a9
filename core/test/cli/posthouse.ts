// Runs the command as a child process, or in this process with a shell that remembers what it was told.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Shell } from '../../src/cli/command.ts';
import { run } from '../../src/cli/run.ts';

export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly said: string;
}

export const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** @param nodeOptions options of Node itself, before the script. */
export function posthouse(given: readonly string[], nodeOptions: readonly string[] = []): Promise<Said> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...nodeOptions, MAIN, ...given], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, said }));
  });
}

export async function inProcess(given: readonly string[], shell: Partial<Shell> = {}): Promise<Said> {
  let out = '';
  let said = '';
  const code = await run(given, {
    environment: {},
    out: (text) => {
      out += text;
    },
    say: (text) => {
      said += text;
    },
    outOctets: async (octets) => {
      for await (const chunk of octets) out += Buffer.from(chunk).toString('latin1');
    },
    confirm: () => Promise.resolve(undefined),
    question: () => Promise.resolve(undefined),
    askSecret: () => Promise.reject(new Error('nobody can be asked')),
    now: () => 0,
    whenAskedToEnd: () => Promise.resolve(),
    onUncaught: () => {},
    onAskedToReload: () => {},
    ...shell,
  });
  return { code, out, said };
}
