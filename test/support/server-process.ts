// A real server as a child process in a process group of its own: configured in a folder, started, asked, stopped, killed.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The root of the repository, seen from test/dist/support. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const CLI = join(ROOT, 'core/dist/src/cli/main.js');

/** Milliseconds that a server has to start or to stop before the test fails. */
const PATIENCE = 60_000;
/** Log lines kept; older ones go. */
const KEPT_LINES = 50_000;

/** One line of the server's log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A configuration as posthouse.yaml has it; hostname and listeners have defaults, paths are seen from the folder. */
export interface Configuration {
  readonly hostname?: string;
  readonly listeners?: readonly object[];
  readonly plugins: readonly object[];
  readonly [section: string]: unknown;
}

export interface Memory {
  /** Bytes of the process in physical memory now. */
  readonly now: number;
  /** The most that they have been. */
  readonly peak: number;
}

/** A folder that goes away at the end of the test (`using`, or `remove`). */
export class TemporaryFolder implements Disposable {
  readonly path: string;

  constructor(name = 'posthouse') {
    this.path = mkdtempSync(join(tmpdir(), `${name}-`));
  }

  join(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 3 });
  }

  [Symbol.dispose](): void {
    this.remove();
  }
}

const running = new Set<number>();
process.on('exit', () => {
  for (const pid of running) killGroup(pid);
});
// A test run that is broken off leaves no servers behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

export class ServerProcess implements AsyncDisposable {
  readonly log: LogLine[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #watchers = new Set<(line: LogLine) => void>();
  #stderr = '';
  #ports: ReadonlyMap<string, number> = new Map();

  private constructor(child: ChildProcess) {
    this.#child = child;
    const pid = child.pid;
    if (pid !== undefined) running.add(pid);
    this.#exited = once(child, 'close').then(() => {
      if (pid !== undefined) running.delete(pid);
    });
    child.stderr?.on('data', (text: Buffer) => {
      this.#stderr = (this.#stderr + text.toString()).slice(-20_000);
    });
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line));
  }

  /** Writes `posthouse.yaml` into the folder and starts the server. Rejects, with what it said, when it does not start. */
  static async start(
    folder: string,
    configuration: Configuration,
    environment: NodeJS.ProcessEnv = {},
  ): Promise<ServerProcess> {
    const file = join(folder, 'posthouse.yaml');
    // JSON is YAML.
    writeFileSync(
      file,
      JSON.stringify({
        hostname: 'mx.posthouse.test',
        listeners: [{ name: 'mx', host: '127.0.0.1', port: 0 }],
        ...configuration,
      }),
    );
    const child = spawn(process.execPath, [CLI, 'start', '--config', file], {
      cwd: folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    const server = new ServerProcess(child);
    try {
      const started = await server.until((line) => line.msg === 'server-started');
      const listeners = started.listeners as readonly { name: string; port: number }[];
      server.#ports = new Map(listeners.map(({ name, port }) => [name, port]));
      return server;
    } catch (error) {
      await server.kill();
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get port(): number {
    return this.portOf('mx');
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it wrote to standard error, the end of it. */
  get stderr(): string {
    return this.#stderr;
  }

  portOf(listener: string): number {
    const port = this.#ports.get(listener);
    if (port === undefined) throw new TypeError(`the server has no listener ${listener}`);
    return port;
  }

  /** The first log line, past or to come, that fits. The log comes in batches, half a second late at most. */
  async until(fits: (line: LogLine) => boolean, milliseconds: number = PATIENCE): Promise<LogLine> {
    const past = this.log.find(fits);
    if (past !== undefined) return past;
    let watcher: ((line: LogLine) => void) | undefined;
    let timer: NodeJS.Timeout | undefined;
    const came = new Promise<LogLine>((resolve, reject) => {
      watcher = (line) => {
        if (fits(line)) resolve(line);
      };
      this.#watchers.add(watcher);
      timer = setTimeout(() => reject(this.#trouble('the log line did not come')), milliseconds);
      void this.#exited.then(() => reject(this.#trouble('the server has ended')));
    });
    try {
      return await came;
    } finally {
      clearTimeout(timer);
      if (watcher !== undefined) this.#watchers.delete(watcher);
    }
  }

  /** Bytes in physical memory (Linux). */
  memory(): Memory {
    const status = readFileSync(`/proc/${this.pid}/status`, 'latin1');
    const kibibytes = (name: string): number =>
      1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
    return { now: kibibytes('VmRSS'), peak: kibibytes('VmHWM') };
  }

  /** Forgets the peak so far, so that `memory().peak` tells of what comes (Linux). */
  forgetPeak(): void {
    writeFileSync(`/proc/${this.pid}/clear_refs`, '5');
  }

  /** SIGTERM, and waits for the end. Rejects when the server does not stop. */
  async stop(): Promise<void> {
    if (!this.running) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => killGroup(this.pid), PATIENCE);
    await this.#exited;
    clearTimeout(timer);
    if (this.#child.exitCode !== 0) throw this.#trouble('the server did not stop well');
  }

  /** SIGKILL to the whole process group, and waits for the end. */
  async kill(): Promise<void> {
    if (this.#child.pid !== undefined && this.running) killGroup(this.pid);
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #hear(text: string): void {
    let line: LogLine;
    try {
      line = JSON.parse(text) as LogLine;
    } catch {
      // What a server says to people, or a line that a kill has cut.
      return;
    }
    this.log.push(line);
    if (this.log.length > KEPT_LINES) this.log.splice(0, KEPT_LINES / 2);
    for (const watcher of this.#watchers) watcher(line);
  }

  #trouble(what: string): Error {
    const { exitCode, signalCode } = this.#child;
    const last = this.log.slice(-10).map((line) => JSON.stringify(line));
    return new Error([`${what} (exit ${exitCode}, signal ${signalCode})`, this.#stderr, ...last].join('\n'));
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
