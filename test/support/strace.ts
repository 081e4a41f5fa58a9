// The system calls of a running process, as strace tells them: in order, each with the moment it began and returned.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface SystemCall {
  readonly name: string;
  /** The file or socket that the first argument names; '' where it names none. */
  readonly file: string;
  /** The arguments, as printed. */
  readonly args: string;
  /** The place in the trace where it began. */
  readonly began: number;
  /** The place where it returned; undefined while it had not. */
  readonly returned: number | undefined;
  /** What it returned: a number, or an error. */
  readonly result: string;
}

/** Octets of each buffer that are printed: a page of the database and more. */
const SHOWN = 20_000;

export class Strace {
  readonly #lines: string[] = [];
  readonly #child: ReturnType<typeof spawn>;

  private constructor(child: ReturnType<typeof spawn>) {
    this.#child = child;
  }

  /** Attaches to all threads of a process. Resolves when it watches. */
  static async attach(pid: number, calls: readonly string[]): Promise<Strace> {
    const args = ['-f', '-y', '-s', `${SHOWN}`, '-e', `trace=${calls.join(',')}`, '-p', `${pid}`];
    const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const strace = new Strace(child);
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => reject(new Error(strace.#lines.join('\n'))));
      createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
        strace.#lines.push(line);
        if (/^strace: Process \d+ attached/.test(line)) resolve();
      });
    });
    return strace;
  }

  /** Lets go of the process; resolves to what it has done meanwhile. */
  async detach(): Promise<readonly SystemCall[]> {
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGINT');
    await closed;
    return parseTrace(this.#lines);
  }
}

const THREAD = /^(?:\[pid +(\d+)\] )?(.*)$/s;
const CALL = /^(\w+)\((.*)$/s;
const RESUMED = /^<\.\.\. \w+ resumed>(.*)$/s;
const UNFINISHED = ' <unfinished ...>';
const FIRST_FILE = /^\d+<([^>]*)>/;

export function parseTrace(lines: readonly string[]): readonly SystemCall[] {
  const calls: SystemCall[] = [];
  const open = new Map<string, { name: string; args: string; began: number }>();
  lines.forEach((line, at) => {
    const [, thread = '', text = ''] = THREAD.exec(line) ?? [];
    const resumed = RESUMED.exec(text);
    const begun = CALL.exec(text);
    const started =
      resumed !== null
        ? open.get(thread)
        : begun !== null
          ? { name: begun[1] as string, args: '', began: at }
          : undefined;
    if (started === undefined) return;
    const rest = (resumed?.[1] ?? begun?.[2]) as string;
    if (rest.endsWith(UNFINISHED)) {
      open.set(thread, { ...started, args: started.args + rest.slice(0, -UNFINISHED.length) });
      return;
    }
    open.delete(thread);
    const end = rest.lastIndexOf(') = ');
    const blank = /\)\s+= /.exec(rest.slice(Math.max(0, rest.length - 200)));
    const cut = end !== -1 ? end : rest.length - (blank === null ? 0 : blank.input.length - blank.index);
    calls.push(callOf(started, rest.slice(0, cut), rest.slice(cut), at));
  });
  for (const started of open.values()) calls.push(callOf(started, '', '', undefined));
  return calls.sort((a, b) => a.began - b.began);
}

function callOf(
  started: { readonly name: string; readonly args: string; readonly began: number },
  moreArgs: string,
  ending: string,
  returned: number | undefined,
): SystemCall {
  const args = started.args + moreArgs;
  return {
    name: started.name,
    file: FIRST_FILE.exec(args)?.[1] ?? '',
    args,
    began: started.began,
    returned,
    result: ending.replace(/^\)?\s*= /, ''),
  };
}
