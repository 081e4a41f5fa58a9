// The QueueStore in front of the engine: drafts, group commit and body files here, SQL behind.

import {
  type Awaitable,
  type EventSink,
  type Lane,
  type Logger,
  type MessageDraft,
  matchesFilter,
  PosthouseError,
  type QueueChange,
  type QueueCounts,
  type QueueEntry,
  type QueueFilter,
  type QueuePage,
  type QueueStore,
  type Suspension,
  type TakeRequest,
} from '@posthouse/core';
import { BodyFiles } from './body-files.ts';
import { placeFor, syncTime } from './disk-speed.ts';
import { SqliteBody, SqliteDraft } from './draft.ts';
import type { Damage, EngineCalls, EngineOptions } from './engine.ts';
import { GroupCommit } from './group-commit.ts';
import { LocalEngine } from './local-engine.ts';
import { posthouseError } from './posthouse-error.ts';
import { RemoteEngine } from './remote-engine.ts';
import { encodeChange } from './rows.ts';

export interface SqliteStoreOptions extends EngineOptions {
  /** Octets up to which a body lies in the database. */
  readonly inlineBelow: number;
  readonly thread: 'auto' | 'main' | 'worker';
}

type AnyEngine = { readonly ownerId: number } & {
  [K in keyof EngineCalls]: (...args: Parameters<EngineCalls[K]>) => Awaitable<ReturnType<EngineCalls[K]>>;
};

interface Opened {
  readonly engine: AnyEngine;
  readonly files: BodyFiles;
  readonly commits: GroupCommit;
}

/** Items leased in one transaction: some milliseconds. */
const TAKE_AT_A_TIME = 128;

export class SqliteStore implements QueueStore {
  readonly #options: SqliteStoreOptions;
  readonly #events: EventSink;
  readonly #log: Logger;
  #opened: Opened | undefined;

  constructor(options: SqliteStoreOptions, events: EventSink, log: Logger) {
    this.#options = options;
    this.#events = events;
    this.#log = log;
  }

  /** Rejects with `store-failed` where the folder cannot be a queue; what lies there is left as it is. */
  async open(): Promise<void> {
    try {
      const { path, thread } = this.#options;
      let sync: number | undefined;
      const place = placeFor(thread, () => {
        sync = syncTime(path);
        return sync;
      });
      const engine: AnyEngine =
        place === 'worker'
          ? await RemoteEngine.open(this.#options, (error) =>
              this.#log.error({ error: error.message }, 'queue lost'),
            )
          : new LocalEngine(this.#options);
      const files = new BodyFiles(path, engine.ownerId);
      const commits = new GroupCommit(
        (changes) => engine.commit(changes),
        (file) => files.remove(file),
      );
      this.#opened = { engine, files, commits };
      // What `auto` has measured and decided is the operator's to know.
      this.#log[thread === 'auto' ? 'info' : 'debug']({ path, thread: place, sync }, 'queue opened');
    } catch (error) {
      throw posthouseError(error, `open the queue in ${this.#options.path}`);
    }
  }

  /** Commits what is pending and closes. Never rejects: what it cannot tidy up, the next start does. */
  async close(): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined) return;
    this.#opened = undefined;
    await opened.commits.settled();
    await opened.files.settled();
    try {
      await opened.engine.close();
    } catch (error) {
      this.#log.warn({ error: String(error) }, 'queue not closed in order');
    }
  }

  draft(): MessageDraft {
    return new SqliteDraft(this.#open.files, this.#options.inlineBelow);
  }

  async commit(change: QueueChange): Promise<void> {
    const { commits } = this.#open;
    const bodies = claimBodies(change);
    const places = bodies.map((body) => body.place());
    const failure = await commits.add(encodeChange(change, places));
    if (failure === undefined) return;
    for (const body of bodies) body.release();
    throw posthouseError(failure, 'write the queue');
  }

  async take(request: TakeRequest): Promise<readonly QueueEntry[]> {
    const taken: QueueEntry[] = [];
    for (;;) {
      const limit = Math.min(TAKE_AT_A_TIME, request.limit - taken.length);
      if (limit <= 0) return taken;
      try {
        const rest = taken.length === 0 ? request : without(request, taken);
        const { entries, damaged } = await this.#open.engine.take({ ...rest, limit });
        this.#report(damaged);
        taken.push(...entries);
        if (entries.length < limit) return taken;
      } catch (error) {
        // What was leased before must reach whoever asked for it.
        if (taken.length > 0) return taken;
        throw posthouseError(error, 'take from the queue');
      }
      await nextTurn();
    }
  }

  async renew(leaseUntil: number): Promise<void> {
    await this.#asked('renew leases', () => this.#open.engine.renew(leaseUntil));
  }

  async *body(message: string): AsyncIterable<Uint8Array> {
    const { engine, files } = this.#open;
    const found = await this.#asked('read a body', () => engine.body(message));
    if (found === undefined)
      throw new PosthouseError('message-missing', `Message ${message} is not in the queue`);
    if ('bytes' in found) yield found.bytes;
    else yield* files.read(found.file, found.size);
  }

  async find(filter: QueueFilter, limit: number, after?: string): Promise<QueuePage> {
    const entries: QueueEntry[] = [];
    let last = after;
    do {
      const slice = await this.#asked('search the queue', () => this.#open.engine.find(filter, last));
      this.#report(slice.damaged);
      for (const entry of slice.entries) {
        if (!matchesFilter(filter, entry)) continue;
        if (entries.length === limit) return { entries, next: entries.at(-1)?.item.id };
        entries.push(entry);
      }
      last = slice.last;
      if (last !== undefined) await nextTurn();
    } while (last !== undefined);
    return { entries, next: undefined };
  }

  async counts(): Promise<QueueCounts> {
    return this.#asked('count the queue', () => this.#open.engine.counts());
  }

  async suspended(): Promise<readonly Suspension[]> {
    return this.#asked('read what is suspended', () => this.#open.engine.suspended());
  }

  get #open(): Opened {
    if (this.#opened === undefined) throw new PosthouseError('store-failed', 'The queue is not open');
    return this.#opened;
  }

  async #asked<T>(doing: string, ask: () => Awaitable<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw posthouseError(error, doing);
    }
  }

  #report(damaged: readonly Damage[]): void {
    for (const damage of damaged) this.#events.emit('entry-damaged', damage);
  }
}

/** All bodies of a change, each claimed for it; throws, and claims none, when one of them is not free. */
function claimBodies({ put = [] }: QueueChange): SqliteBody[] {
  const claimed: SqliteBody[] = [];
  for (const { message, body, items } of put) {
    const good = items.length > 0 && body instanceof SqliteBody && body.claim();
    if (!good) {
      for (const other of claimed) other.release();
      const why = items.length === 0 ? 'it has no items' : 'its body is not a free draft of this store';
      throw new PosthouseError('store-failed', `Message ${message.id} cannot be stored: ${why}`);
    }
    claimed.push(body);
  }
  return claimed;
}

/** Lets whatever else waits have the event loop. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The request for what is still wanted of the lanes once these have been taken. */
function without(request: TakeRequest, taken: readonly QueueEntry[]): TakeRequest {
  const { except, rooms = [] } = request;
  if (rooms.length === 0) return request;
  const left = rooms.map((lane) => ({
    ...lane,
    room: lane.room - taken.filter(({ item }) => isOf(lane, item)).length,
  }));
  return {
    ...request,
    except: [...except, ...left.filter(({ room }) => room <= 0)],
    rooms: left.filter(({ room }) => room > 0),
  };
}

function isOf(lane: Lane, { transport, destination }: Lane): boolean {
  return lane.transport === transport && lane.destination === destination;
}
