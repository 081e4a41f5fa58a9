// Takes events from the way of the mail and hands them to the writing thread in batches. It never waits and never makes
// anybody wait: when the thread cannot keep up, events are counted and dropped.

import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import {
  type Clock,
  type EventName,
  type Logger,
  PosthouseError,
  type Story,
  type TracedEvent,
} from '@posthouse/core';
import { type Page, pagesOf } from './pages.ts';
import { type SegmentLimits, SegmentsReader } from './segments.ts';
import { storiesFor } from './stories.ts';

export type Call =
  | { readonly do: 'open' | 'close' }
  | { readonly do: 'write'; readonly pages: readonly Page[]; readonly now: number }
  | { readonly do: 'find'; readonly word: string; readonly limit: number };
export type Answer = { readonly value: unknown } | { readonly failure: string };

export interface RecorderSettings extends SegmentLimits {
  /** Events that wait for the writing thread, above which others are dropped. */
  readonly buffer: number;
}

/** Events that are put into pages at a time: a fraction of a millisecond. */
const BATCH = 256;
/** Milliseconds that an event waits for others. */
const PATIENCE = 1000;
/** Batches on their way to the disk. */
const IN_FLIGHT = 4;
/** Milliseconds between two lines about dropped events. */
const COMPLAIN_EVERY = 60_000;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Recorder {
  /** Events that found no room. */
  dropped = 0;
  readonly #settings: RecorderSettings;
  readonly #clock: Clock;
  readonly #log: Logger;
  #worker: Worker | undefined;
  /** Answers come in the order of the calls. */
  readonly #waiting: Waiting[] = [];
  #pending: TracedEvent[] = [];
  #inFlight = 0;
  #timed = false;
  #complained = Number.NEGATIVE_INFINITY;

  constructor(settings: RecorderSettings, clock: Clock, log: Logger) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  /** Rejects with a PosthouseError `plugin-start-failed` when the folder cannot be used. */
  async start(): Promise<void> {
    const file = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
    const { path, keep, size } = this.#settings;
    const worker = new Worker(file, { workerData: { path, keep, size }, name: 'observe-trace' });
    this.#worker = worker;
    worker.on('message', (answer: Answer) => this.#answered(answer));
    worker.on('error', (error) => this.#ended(error));
    worker.on('exit', () => this.#ended(new Error('the writing thread has ended')));
    try {
      await this.#call({ do: 'open' });
    } catch (cause) {
      await this.stop();
      throw new PosthouseError(
        'plugin-start-failed',
        `observe-trace: ${path} cannot be used: ${String(cause)}`,
        {
          cause,
        },
      );
    }
  }

  /** Writes what is pending and ends the thread. */
  async stop(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#flush(true);
    await this.#call({ do: 'close' }).catch(() => undefined);
    this.#worker = undefined;
    await worker.terminate();
  }

  /** Takes the facts over; nobody changes them afterwards. */
  record(name: EventName, facts: object): void {
    if (this.#worker === undefined || this.#pending.length >= this.#settings.buffer) {
      this.#drop(1);
      return;
    }
    this.#pending.push({ at: this.#clock.now(), name, facts: facts as TracedEvent['facts'] });
    if (this.#pending.length >= BATCH) this.#flush();
    else if (!this.#timed) {
      this.#timed = true;
      this.#clock.after(PATIENCE, () => {
        this.#timed = false;
        this.#flush();
      });
    }
  }

  async find(word: string, limit: number): Promise<readonly Story[]> {
    if (this.#worker !== undefined) {
      this.#flush(true);
      return (await this.#call({ do: 'find', word, limit })) as readonly Story[];
    }
    const reader = new SegmentsReader(this.#settings.path);
    try {
      return storiesFor(word, limit, reader);
    } finally {
      reader.close();
    }
  }

  /** @param all also more than the thread should be given at a time */
  #flush(all = false): void {
    while (this.#pending.length > 0 && (all || this.#inFlight < IN_FLIGHT)) {
      const events = this.#pending.length <= BATCH ? this.#pending : this.#pending.slice(0, BATCH);
      this.#pending = this.#pending.length <= BATCH ? [] : this.#pending.slice(BATCH);
      this.#inFlight += 1;
      this.#call({ do: 'write', pages: pagesOf(events), now: this.#clock.now() })
        .catch((error: unknown) => this.#drop(events.length, error))
        .finally(() => {
          this.#inFlight -= 1;
          if (this.#pending.length >= BATCH) this.#flush();
        });
    }
  }

  #drop(count: number, error?: unknown): void {
    this.dropped += count;
    const now = this.#clock.now();
    if (now - this.#complained < COMPLAIN_EVERY) return;
    this.#complained = now;
    this.#log.warn(
      { dropped: this.dropped, ...(error !== undefined && { error: String(error) }) },
      'events were not traced; mail is not affected',
    );
  }

  #call(call: Call): Promise<unknown> {
    const worker = this.#worker;
    if (worker === undefined) return Promise.reject(new Error('the writing thread has ended'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      worker.postMessage(call);
    });
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.shift();
    if ('value' in answer) waiting?.resolve(answer.value);
    else waiting?.reject(new Error(answer.failure));
  }

  /** Without its thread the trace ends; mail goes on. */
  #ended(error: Error): void {
    this.#worker = undefined;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
