// Asks the worker thread, and bounds what waits for it: who comes when too many wait is told to come again.

import { Worker } from 'node:worker_threads';
import type { HashDone, HashTask } from './hash-worker.ts';

/** Questions that may wait. At some 50 ms each the last one is still answered within its time. */
const MAX_WAITING = 100;

interface Waiter {
  resolve(hash: string): void;
  reject(error: Error): void;
}

export class HashThread {
  readonly #waiting = new Map<number, Waiter>();
  #worker: Worker | undefined;
  #next = 0;
  #stopped = false;

  /** The password hashed with the setting of a stored hash. Rejects when too many wait, or the thread dies. */
  hash(password: string, hash: string): Promise<string> {
    if (this.#waiting.size >= MAX_WAITING)
      return Promise.reject(new Error('too many passwords wait for their check'));
    if (this.#stopped) return Promise.reject(new Error('the server stops'));
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ id, password, hash } satisfies HashTask);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const worker = this.#worker;
    this.#worker = undefined;
    this.#fail(new Error('the server stops'));
    await worker?.terminate();
  }

  #start(): Worker {
    // The file beside this one, whatever both are called after the build.
    const worker = new Worker(new URL(import.meta.url.replace(/hash-thread(?=\.[jt]s$)/, 'hash-worker')));
    worker.unref();
    worker.on('message', (done: HashDone) => {
      const waiter = this.#waiting.get(done.id);
      this.#waiting.delete(done.id);
      if ('hash' in done) waiter?.resolve(done.hash);
      else waiter?.reject(new Error(done.error));
    });
    const gone = (error: Error): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#fail(error);
    };
    worker.on('error', gone);
    worker.on('exit', (code) => gone(new Error(`the thread that hashes passwords ended with ${code}`)));
    return worker;
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
