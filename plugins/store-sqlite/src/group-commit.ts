// Group commit: whatever is pending goes into one transaction, one transaction at a time, so that a disk sync is
// shared by all who wait for one. Removals have nobody who waits for them: they ride along with what comes next.

import type { Awaitable } from '@posthouse/core';
import type { CommitReport } from './engine.ts';
import { type StoreFailure, storeFailure } from './failure.ts';
import type { ChangeRows } from './rows.ts';

/** A batch ends here, so that no single one holds the event loop or the WAL for long. */
const BATCH_WEIGHT = 8 * 1024 * 1024;
const BATCH_CHANGES = 1000;

/**
 * Milliseconds that removals wait for company. A crash meanwhile delivers those messages again: the window for
 * duplicates, which is longer than this already by the time that a next hop takes. Pacing of the disk, not policy:
 * hence no Clock.
 */
const LINGER = 20;

/**
 * Turns of the event loop without a further change after which a transaction begins, for each change of the last one:
 * clients that were answered together come back one after the other, and each turn that waits for them saves a sync.
 * A client alone waits for nobody.
 */
const QUIET_TURNS_PER_CHANGE = 2;
const MAX_QUIET_TURNS = 20;
/** Turns after which it begins in any case. */
const MAX_TURNS = 100;

interface Pending {
  readonly change: ChangeRows;
  readonly done: (failure: StoreFailure | undefined) => void;
}

export class GroupCommit {
  readonly #write: (changes: readonly ChangeRows[]) => Awaitable<CommitReport>;
  readonly #unneeded: (file: string) => void;
  #pending: Pending[] = [];
  #busy = false;
  #lastBatch = 1;
  #lingering: NodeJS.Timeout | undefined;
  #idle: (() => void)[] = [];

  /**
   * @param write makes the changes durable; its report answers for each of them.
   * @param unneeded told of each body file that no message names any more.
   */
  constructor(
    write: (changes: readonly ChangeRows[]) => Awaitable<CommitReport>,
    unneeded: (file: string) => void,
  ) {
    this.#write = write;
    this.#unneeded = unneeded;
  }

  /** Resolves when the change is durable, or with the reason why nothing of it happened. */
  add(change: ChangeRows): Promise<StoreFailure | undefined> {
    return new Promise((done) => {
      this.#pending.push({ change, done });
      if (change.onlyRemoves) this.#linger();
      else this.#schedule();
    });
  }

  /** Resolves when nothing is pending. */
  async settled(): Promise<void> {
    if (this.#pending.length > 0) this.#schedule();
    if (this.#busy) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #linger(): void {
    if (this.#busy || this.#lingering !== undefined) return;
    this.#lingering = setTimeout(() => this.#schedule(), LINGER);
  }

  #schedule(): void {
    if (this.#busy) return;
    this.#busy = true;
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    setImmediate(() => this.#gather(0, 0, 0));
  }

  /** Looks once in a turn of the loop whether more has come, and begins when it has become quiet. */
  #gather(known: number, quiet: number, turns: number): void {
    const count = this.#pending.length;
    const quietNow = count > known ? 0 : quiet + 1;
    const enough = Math.min(MAX_QUIET_TURNS, this.#lastBatch * QUIET_TURNS_PER_CHANGE);
    if (quietNow >= enough || turns >= MAX_TURNS || count >= BATCH_CHANGES) this.#run();
    else setImmediate(() => this.#gather(count, quietNow, turns + 1));
  }

  #run(): void {
    const batch = this.#nextBatch();
    this.#lastBatch = batch.length;
    let report: Awaitable<CommitReport>;
    try {
      report = this.#write(batch.map(({ change }) => change));
    } catch (error) {
      this.#fail(batch, error);
      return;
    }
    if (!(report instanceof Promise)) this.#finish(batch, report);
    else {
      report.then(
        (settled) => this.#finish(batch, settled),
        (error: unknown) => this.#fail(batch, error),
      );
    }
  }

  #nextBatch(): Pending[] {
    let count = 0;
    for (
      let weight = 0;
      count < this.#pending.length && count < BATCH_CHANGES && weight < BATCH_WEIGHT;
      count++
    ) {
      weight += (this.#pending[count] as Pending).change.weight;
    }
    if (count < this.#pending.length) return this.#pending.splice(0, count);
    const all = this.#pending;
    this.#pending = [];
    return all;
  }

  #finish(batch: readonly Pending[], { failures, files }: CommitReport): void {
    for (const file of files) this.#unneeded(file);
    batch.forEach(({ done }, index) => {
      done(failures[index]);
    });
    this.#next();
  }

  #fail(batch: readonly Pending[], error: unknown): void {
    const failure = storeFailure(error, 'write the queue');
    for (const { done } of batch) done(failure);
    this.#next();
  }

  #next(): void {
    this.#busy = false;
    if (this.#pending.length > 0) {
      const urgent = this.#idle.length > 0 || this.#pending.some(({ change }) => !change.onlyRemoves);
      if (urgent) this.#schedule();
      else this.#linger();
      return;
    }
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }
}
