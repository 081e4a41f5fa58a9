// A crowd of clients (crowd.ts) as a child process: started, asked for what has become of it, sent home.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Crowd, CrowdLine } from './crowd.ts';

const PROGRAM = fileURLToPath(new URL('crowd.js', import.meta.url));

export class CrowdProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #lines = new Map<CrowdLine['event'], CrowdLine>();
  #heard: () => void = () => {};

  private constructor(crowd: Crowd) {
    this.#child = spawn(process.execPath, ['--enable-source-maps', PROGRAM, JSON.stringify(crowd)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once('close', () => resolve());
    });
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const said = JSON.parse(line) as CrowdLine;
      this.#lines.set(said.event, said);
      this.#heard();
    });
  }

  /** Resolves when all of them are connected and have begun. */
  static async gather(crowd: Crowd): Promise<CrowdProcess> {
    const gathered = new CrowdProcess(crowd);
    await gathered.until('placed', 120_000);
    return gathered;
  }

  /** What the crowd says of itself. Rejects when it does not in that time. */
  async until(event: CrowdLine['event'], milliseconds: number): Promise<CrowdLine> {
    const deadline = Date.now() + milliseconds;
    for (;;) {
      const line = this.#lines.get(event);
      if (line !== undefined) return line;
      const left = deadline - Date.now();
      if (left <= 0 || this.#child.exitCode !== null) throw new Error(`the crowd is not ${event}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#heard = () => {
          clearTimeout(timer);
          resolve();
        };
        this.#child.once('close', this.#heard);
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin?.end();
    await this.#exited;
  }
}
