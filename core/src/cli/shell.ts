// The shell that a command runs in, as Node gives it.

import type { Shell } from './command.ts';
import { askSecret } from './secret-prompt.ts';

/** What a shell reports for a process that SIGINT ended. */
const ENDED_BY_SIGNAL = 130;

export function shellOfProcess(): Shell {
  // Whoever read the output has gone (`posthouse queue list | head`), and needs no more of it.
  process.stdout.on('error', () => {});
  return {
    environment: process.env,
    out: (text) => void process.stdout.write(text),
    say: (text) => void process.stderr.write(text),
    askSecret: (prompt, again) => askSecret(process.stdin, process.stderr, prompt, again),
    now: Date.now,
    whenAskedToEnd: () =>
      new Promise((resolve) => {
        let asked = false;
        const end = (): void => {
          if (asked) process.exit(ENDED_BY_SIGNAL);
          asked = true;
          resolve();
        };
        process.on('SIGTERM', end);
        process.on('SIGINT', end);
      }),
    onAskedToReload: (then) => void process.on('SIGHUP', then),
  };
}
