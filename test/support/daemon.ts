// A real program that serves tests: started in the foreground, waited for until it answers, ended at the end.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds that a program has until it answers. */
const PATIENCE = 30_000;

/** Where it answers when it is ready. */
export type Door = { readonly port: number } | { readonly path: string };

export class Daemon implements AsyncDisposable {
  readonly #child: ChildProcess;
  #output = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    const hear = (bytes: Buffer): void => {
      this.#output = `${this.#output}${bytes.toString('latin1')}`.slice(-20_000);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    process.once('exit', () => child.kill('SIGKILL'));
  }

  static async start(program: string, args: readonly string[], door: Door): Promise<Daemon> {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const daemon = new Daemon(child);
    const failed = once(child, 'error');
    await Promise.race([daemon.#answering(door), failed.then(([error]) => Promise.reject(error))]);
    return daemon;
  }

  /** What it has printed, for the message of a failing test. */
  get output(): string {
    return this.#output;
  }

  /** It stands still: keeps its connections, answers nothing. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    const gaveUp = new AbortController();
    await Promise.race([closed, delay(5_000, undefined, { signal: gaveUp.signal }).catch(() => {})]);
    gaveUp.abort();
    this.#child.kill('SIGKILL');
    await closed;
  }

  /** Ends it at once: for those who take long over an orderly end and have nothing to lose. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #answering(door: Door): Promise<void> {
    const { host, ...where } = { host: '127.0.0.1', ...door };
    for (const end = Date.now() + PATIENCE; Date.now() < end; await delay(50)) {
      if (this.#child.exitCode !== null) break;
      const socket = connect('path' in where ? where : { host, ...where });
      try {
        await once(socket, 'connect');
        return;
      } catch {
        // Not yet.
      } finally {
        socket.destroy();
      }
    }
    this.#child.kill('SIGKILL');
    throw new Error(`${this.#child.spawnfile} does not answer:\n${this.#output}`);
  }
}
