// The engine in a worker, as the main thread sees it: the same calls, answered with promises.

import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { CommitReport, EngineCalls, EngineOptions } from './engine.ts';
import { StoreFailure } from './failure.ts';
import type { ChangeRows } from './rows.ts';

export interface Call {
  readonly name: keyof EngineCalls;
  readonly args: readonly unknown[];
}
export interface PlainFailure {
  readonly code: StoreFailure['code'];
  readonly message: string;
}
export type Answer = { readonly value: unknown } | { readonly failure: PlainFailure };

type Promised<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<R> : never;
};
type Waiting = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void };

/** Megabytes of the thread's heap for values that have just been made. */
const YOUNG_GENERATION = 16;

export class RemoteEngine implements Promised<EngineCalls> {
  readonly #worker: Worker;
  /** Calls without an answer; answers come in the order of the calls. */
  #waiting: Waiting[] = [];
  #ended: StoreFailure | undefined;
  #ownerId = 0;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (answer: Answer) => this.#answered(answer));
    worker.on('error', (error) => this.#end(error));
    worker.on('exit', () => this.#end(undefined));
  }

  /** @param died told when the thread ends though nobody has closed it: nothing can be stored any more. */
  static async open(options: EngineOptions, died: (error: StoreFailure) => void): Promise<RemoteEngine> {
    // Compiled or not, the worker lies beside this file.
    const file = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
    // Rows pass through and die young: without this bound the heap would let hundreds of megabytes of them pile up.
    const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_GENERATION };
    const engine = new RemoteEngine(
      new Worker(file, { workerData: options, name: 'store-sqlite', resourceLimits }),
    );
    engine.#ownerId = (await engine.#expect()) as number;
    engine.#died = died;
    return engine;
  }

  #died: ((error: StoreFailure) => void) | undefined;

  get ownerId(): number {
    return this.#ownerId;
  }

  async commit(changes: readonly ChangeRows[]): Promise<CommitReport> {
    const { packed, buffer } = pack(changes);
    const report = await this.#call('commit', [packed], [buffer]);
    const { failures, files } = report as {
      failures: readonly (PlainFailure | undefined)[];
      files: readonly string[];
    };
    return { failures: failures.map((failure) => failure && revived(failure)), files };
  }

  readonly take = this.#remote('take');
  readonly renew = this.#remote('renew');
  readonly body = this.#remote('body');
  readonly find = this.#remote('find');
  readonly counts = this.#remote('counts');
  readonly suspended = this.#remote('suspended');

  async close(): Promise<void> {
    this.#died = undefined;
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
    try {
      await this.#call('close', []);
    } finally {
      if (this.#ended === undefined) await ended;
    }
  }

  #remote<K extends Exclude<keyof EngineCalls, 'commit' | 'close'>>(name: K): Promised<EngineCalls>[K] {
    return ((...args: unknown[]) => this.#call(name, args)) as Promised<EngineCalls>[K];
  }

  #call(
    name: Call['name'],
    args: readonly unknown[],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#worker.postMessage({ name, args } satisfies Call, transfer);
    return this.#expect();
  }

  #expect(): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.shift();
    if ('value' in answer) waiting?.resolve(answer.value);
    else waiting?.reject(revived(answer.failure));
  }

  #end(error: unknown): void {
    if (this.#ended !== undefined) return;
    const why = error instanceof Error ? `: ${error.message}` : '';
    this.#ended = new StoreFailure('store-failed', `The thread of the queue has ended${why}`, {
      cause: error,
    });
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(this.#ended);
    this.#died?.(this.#ended);
  }
}

/** All bodies in one buffer that changes hands: one copy, whatever the number of bodies and wherever they lay. */
function pack(changes: readonly ChangeRows[]): { packed: readonly ChangeRows[]; buffer: ArrayBuffer } {
  let length = 0;
  for (const { put } of changes) for (const { body } of put) length += body?.length ?? 0;
  const buffer = new ArrayBuffer(length);
  let at = 0;
  const packed = changes.map((change): ChangeRows => {
    if (change.put.length === 0) return change;
    const put = change.put.map((row) => {
      if (row.body === null) return row;
      const body = new Uint8Array(buffer, at, row.body.length);
      body.set(row.body);
      at += body.length;
      return { ...row, body };
    });
    return { ...change, put };
  });
  return { packed, buffer };
}

function revived({ code, message }: PlainFailure): StoreFailure {
  return new StoreFailure(code, message);
}
