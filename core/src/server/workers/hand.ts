// One receiving worker as the main thread sees it: the thread, the line to it, and what is served over it.

import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { PosthouseError } from '../../contract/index.ts';
import { Line, type Port } from './line.ts';
import type { GivenConfiguration, MainWords, WorkerBirth, WorkerWords } from './words.ts';
import { type MainServices, WorkerService } from './worker-service.ts';

/** Megabytes of a thread's heap for values that have just been made: what comes in passes through and dies young. */
const YOUNG_GENERATION = 8;

export class Hand {
  readonly line: Line<MainWords, WorkerWords>;
  /** When its thread began, milliseconds since the epoch. */
  readonly since: number;
  /** What it serves its clients by; undefined until it listens. */
  configuration: GivenConfiguration | undefined;
  readonly #thread: Worker;
  readonly #service: WorkerService;
  readonly #gone: Promise<void>;
  #why: string | undefined;
  #wanted = true;

  /** @param died told when the thread ends though nobody has ended it */
  constructor(birth: WorkerBirth, services: MainServices, now: number, died: (why: string) => void) {
    this.since = now;
    this.#service = new WorkerService(services);
    // Compiled or not, the thread's beginning lies beside this file.
    const file = new URL(`./main${extname(import.meta.url)}`, import.meta.url);
    this.#thread = new Worker(file, {
      workerData: birth,
      name: `receiver ${birth.lane + 1}`,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION },
    });
    this.line = new Line(this.#thread as Port, this.#service.hearers, (text) =>
      services.log.error({ worker: birth.lane + 1, text }, 'trouble with a receiving worker'),
    );
    this.#thread.on('error', (error: unknown) => {
      this.#why ??= error instanceof Error ? error.message : String(error);
    });
    this.#gone = new Promise((resolve) => {
      this.#thread.on('exit', (code) => {
        const why = this.#why ?? `it ended itself with code ${code}`;
        this.line.close(new PosthouseError('plugin-start-failed', `a receiving worker has ended: ${why}`));
        this.#service.end();
        if (this.#wanted) died(why);
        resolve();
      });
    });
  }

  /** Ends the thread, whose end is a death. */
  kill(why: string): void {
    this.#why ??= why;
    void this.#thread.terminate();
  }

  /** Ends the thread; nobody is told. */
  async end(): Promise<void> {
    this.#wanted = false;
    void this.#thread.terminate();
    await this.#gone;
  }
}
