// Runs a mail program to its end and gives back what it printed, or holds a dialogue through it as a person does.

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

export interface Conversation {
  /** What is typed, each after one more reply. A line with line feeds is typed in one go. */
  readonly lines: readonly string[];
  /** Whether the program shows the server's greeting, to which the first line is the answer. Default true. */
  readonly greeted?: boolean;
}

/** @param program shows what the server says, and sends what is typed */
export function converse(
  program: string,
  args: readonly string[],
  { lines, greeted = true }: Conversation,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], timeout: 20_000 });
    let output = '';
    let typed = 0;
    const type = (): void => {
      const replies = output.match(/^\d{3} /gm)?.length ?? 0;
      // A person types when the server has answered, and ends a line with the key that the program makes CRLF.
      for (; typed < lines.length && typed < replies + (greeted ? 0 : 1); typed++)
        child.stdin.write(`${lines[typed]}\n`);
    };
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString('latin1');
      type();
    });
    child.stdin.on('error', () => {});
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
    type();
  });
}
