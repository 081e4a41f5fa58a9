// Maildirs in a thread of their own, as the main thread sees them: letters are handed over in batches, and each is
// answered by itself. The thread is made when the first letter comes, and made anew should it die.

import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

/** A letter as it goes to the thread. */
export interface PlainLetter {
  readonly folder: string;
  readonly name: string;
  readonly lineEnds: 'crlf' | 'lf';
  /** Octets of the batch that are its content: they follow those of the letter before. */
  readonly length: number;
}

/** Letters are numbered in the order in which they are handed over, from 0 in each thread. */
export interface Batch {
  readonly letters: readonly PlainLetter[];
  readonly content: ArrayBuffer;
}

export interface Answer {
  /** The numbers of letters that are durable. */
  readonly written: readonly number[];
  readonly failed: readonly Failure[];
}

export interface Failure {
  readonly letter: number;
  /** Of the file system. */
  readonly code: string | undefined;
  readonly message: string;
}

export interface RemoteLetter extends Omit<PlainLetter, 'length'> {
  /** The content, which has to stay as it is until the end of the turn. */
  readonly pieces: readonly Uint8Array[];
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Megabytes of the thread's heap for values that have just been made. */
const YOUNG_GENERATION = 4;

export class RemoteMaildir {
  #thread: WritingThread | undefined;

  /** As Maildir.write. Rejects too when the thread dies: then the message may stand in `new/` all the same. */
  write(letter: RemoteLetter): Promise<void> {
    if (this.#thread === undefined || this.#thread.hasEnded) this.#thread = new WritingThread();
    return this.#thread.write(letter);
  }

  /** Lets go of the thread. What it has not written rejects. */
  async close(): Promise<void> {
    await this.#thread?.close();
    this.#thread = undefined;
  }
}

class WritingThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #gathered: RemoteLetter[] = [];
  #count = 0;
  hasEnded = false;

  constructor() {
    // Compiled or not, the worker lies beside this file.
    const file = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
    const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_GENERATION };
    this.#worker = new Worker(file, { name: 'deliver-maildir', resourceLimits });
    // Only a letter under way keeps the process from ending.
    this.#worker.unref();
    this.#worker.on('message', (answer: Answer) => this.#answered(answer));
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(undefined));
  }

  write(letter: RemoteLetter): Promise<void> {
    if (this.#gathered.length === 0) queueMicrotask(() => this.#post());
    this.#gathered.push(letter);
    return new Promise((resolve, reject) => {
      if (this.#waiting.size === 0) this.#worker.ref();
      this.#waiting.set(this.#count++, { resolve, reject });
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  /** What is handed over in one turn of the event loop goes in one piece that changes hands: one copy, whatever lay where. */
  #post(): void {
    const letters = this.#gathered.map(({ folder, name, lineEnds, pieces }): PlainLetter => {
      return { folder, name, lineEnds, length: pieces.reduce((sum, piece) => sum + piece.length, 0) };
    });
    const content = new Uint8Array(letters.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const { pieces } of this.#gathered) {
      for (const piece of pieces) {
        content.set(piece, at);
        at += piece.length;
      }
    }
    this.#gathered = [];
    this.#worker.postMessage({ letters, content: content.buffer } satisfies Batch, [content.buffer]);
  }

  #answered({ written, failed }: Answer): void {
    for (const letter of written) this.#take(letter)?.resolve();
    for (const { letter, code, message } of failed)
      this.#take(letter)?.reject(Object.assign(new Error(message), { code }));
    if (this.#waiting.size === 0) this.#worker.unref();
  }

  #take(letter: number): Waiting | undefined {
    const waiting = this.#waiting.get(letter);
    this.#waiting.delete(letter);
    return waiting;
  }

  #end(cause: unknown): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    for (const { reject } of this.#waiting.values())
      reject(new Error(`the thread that writes mailboxes has ended${why}`, { cause }));
    this.#waiting.clear();
  }
}
