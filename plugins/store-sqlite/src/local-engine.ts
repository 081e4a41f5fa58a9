// The engine on the main thread, whose commits are synced in the thread pool: while the disk works, the event loop
// goes on with other clients. The counterpart of remote-engine.ts.

import { join } from 'node:path';
import { type CommitReport, Engine, type EngineOptions } from './engine.ts';
import { storeFailure } from './failure.ts';
import type { ChangeRows } from './rows.ts';
import { DATABASE_FILE } from './schema.ts';
import { type SyncedLog, WalSync } from './wal-sync.ts';

export class LocalEngine {
  readonly #engine: Engine;
  readonly #log: SyncedLog;

  constructor(options: EngineOptions, openLog: (file: string) => SyncedLog = (file) => new WalSync(file)) {
    this.#engine = new Engine(options, 'caller');
    try {
      this.#log = openLog(join(options.path, `${DATABASE_FILE}-wal`));
    } catch (error) {
      this.#engine.close();
      throw error;
    }
  }

  get ownerId(): number {
    return this.#engine.ownerId;
  }

  /** Durable when it resolves. One call at a time: the sync is of all that was written before it. */
  async commit(changes: readonly ChangeRows[]): Promise<CommitReport> {
    const report = this.#engine.commit(changes);
    if (report.failures.every((failure) => failure !== undefined)) return report;
    try {
      await this.#log.sync();
      return report;
    } catch (error) {
      return this.#notSynced(changes, report, storeFailure(error, 'sync the queue'));
    }
  }

  readonly take: Engine['take'] = (request) => this.#engine.take(request);
  readonly renew: Engine['renew'] = (leaseUntil) => this.#engine.renew(leaseUntil);
  readonly body: Engine['body'] = (message) => this.#engine.body(message);
  readonly find: Engine['find'] = (filter, after) => this.#engine.find(filter, after);
  readonly counts: Engine['counts'] = () => this.#engine.counts();
  readonly suspended: Engine['suspended'] = () => this.#engine.suspended();

  async close(): Promise<void> {
    try {
      this.#engine.close();
    } finally {
      await this.#log.close();
    }
  }

  /**
   * Nobody can say what of it reached the disk. Their clients will hear 451 and send new messages again, so these are
   * taken back; changes of items are made again by whoever asked for them.
   */
  #notSynced(
    changes: readonly ChangeRows[],
    { failures }: CommitReport,
    failure: ReturnType<typeof storeFailure>,
  ): CommitReport {
    const stored = changes.filter((_, index) => failures[index] === undefined);
    const remove = stored.flatMap(({ put }) =>
      put.flatMap(({ id, items }) => items.map(([item]) => [item, id] as const)),
    );
    if (remove.length > 0) this.#engine.commit([{ ...NO_CHANGE, remove }]);
    return { failures: failures.map((own) => own ?? failure), files: [] };
  }
}

const NO_CHANGE: ChangeRows = {
  put: [],
  add: [],
  update: [],
  progress: [],
  remove: [],
  suspend: [],
  resume: [],
  weight: 0,
  onlyRemoves: true,
};
