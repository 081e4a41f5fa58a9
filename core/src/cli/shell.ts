// The shell that a command runs in, as Node gives it.

import { open, rm, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { pipeline } from 'node:stream/promises';
import { FAILED, type Shell, UsageError } from './command.ts';
import { askSecret } from './secret-prompt.ts';

/** What a shell reports for a process that SIGINT ended. */
const ENDED_BY_SIGNAL = 130;

export function shellOfProcess(): Shell {
  // Whoever read the output has gone (`posthouse queue list | head`), and needs no more of it.
  process.stdout.on('error', () => {});
  return {
    environment: process.env,
    out: (text) => void process.stdout.write(text),
    outOctets: (octets, file) => (file === undefined ? toOutput(octets) : toFile(octets, file)),
    say: (text) => void process.stderr.write(text),
    askSecret: (prompt, again) => askSecret(process.stdin, process.stderr, prompt, again),
    confirm,
    question,
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
    onUncaught: (then) => {
      process.on('unhandledRejection', (error) => then('rejection', error));
      process.on('uncaughtException', (error) => {
        then('exception', error);
        process.exit(FAILED);
      });
    },
    onAskedToReload: (then) => void process.on('SIGHUP', then),
  };
}

async function toOutput(octets: AsyncIterable<Uint8Array>): Promise<void> {
  await pipeline(octets, process.stdout, { end: false });
}

async function toFile(octets: AsyncIterable<Uint8Array>, file: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'EEXIST' ? 'it exists already' : (error.code ?? error.message);
    throw new UsageError(`${file} cannot be written: ${why}`);
  });
  try {
    await writeFile(handle, octets);
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

async function confirm(text: string): Promise<boolean | undefined> {
  const answer = await question(text);
  return answer === undefined ? undefined : /^y(es)?$/i.test(answer);
}

async function question(text: string): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await asking.question(text)).trim();
  } finally {
    asking.close();
  }
}
