// Crash injection: a queue that outlives its house. The house ends at a chosen commit, just before or just after what is
// committed is durable; the next one opened on the same queue finds what a disk would have kept.

import {
  type ConfiguredPlugin,
  definePlugin,
  type MessageBody,
  PosthouseError,
  type QueueChange,
  type QueueEntry,
  QueueStore,
} from '../contract/index.ts';
import { MemoryStore } from '../intake/index.ts';

export interface CrashableQueue {
  /**
   * The house ends at the next commit that fits: `before`, nothing of it is kept; `after`, all of it is, and nobody has
   * heard so. Its clients see their connections close, and nothing that it does from then on reaches the queue.
   * @param which default: the next one
   */
  crash(moment: 'before' | 'after', which?: (change: QueueChange) => boolean): void;
  /** The house that has it open is gone. */
  readonly crashed: boolean;
  /** What is in the queue now. */
  entries(): Promise<readonly QueueEntry[]>;
  /** For openHouse: the store of the next house. @param gone called at the crash */
  open(gone: () => void): Promise<ConfiguredPlugin>;
}

interface Fuse {
  readonly moment: 'before' | 'after';
  readonly which: (change: QueueChange) => boolean;
}

/** Entries that are copied at a time. */
const PAGE = 100;

/** For `openHouse({ queue })`: one house at a time has it. */
export function crashableQueue(): CrashableQueue {
  let disk = new MemoryStore();
  let fuse: Fuse | undefined;
  let crashed = false;
  return {
    crash(moment, which = () => true) {
      fuse = { moment, which };
    },
    get crashed() {
      return crashed;
    },
    entries: () => entriesOf(disk),
    async open(gone) {
      disk = await copyOf(disk);
      fuse = undefined;
      crashed = false;
      const lit = (change: QueueChange, moment: Fuse['moment']): boolean =>
        fuse?.moment === moment && fuse.which(change);
      const crash = (): never => {
        crashed = true;
        gone();
        throw dead();
      };
      return storeOf(disk, {
        isDead: () => crashed,
        async commit(change, store) {
          if (lit(change, 'before')) crash();
          await store.commit(change);
          if (lit(change, 'after')) crash();
        },
      });
    },
  };
}

interface Life {
  isDead(): boolean;
  commit(change: QueueChange, store: QueueStore): Promise<void>;
}

/** The store as one house has it, until its crash. */
function storeOf(disk: MemoryStore, { isDead, commit }: Life): ConfiguredPlugin {
  const alive = async <T>(act: () => Promise<T>): Promise<T> => {
    if (isDead()) throw dead();
    return act();
  };
  const queue: QueueStore = {
    draft: () => disk.draft(),
    commit: (change) => alive(() => commit(change, disk)),
    take: (request) => alive(() => disk.take(request)),
    renew: (leaseUntil) => alive(() => disk.renew(leaseUntil)),
    body: (message) => disk.body(message),
    find: (filter, limit, after) => alive(() => disk.find(filter, limit, after)),
    counts: () => alive(() => disk.counts()),
    suspended: () => alive(() => disk.suspended()),
  };
  return definePlugin({
    name: 'store-crashable',
    provides: { queue: QueueStore },
    setup: () => ({ services: { queue } }),
  })();
}

/** What a disk has kept: messages with their items, suspensions, and no lease. */
async function copyOf(disk: MemoryStore): Promise<MemoryStore> {
  const copy = new MemoryStore();
  const byMessage = new Map<string, QueueEntry[]>();
  for (const entry of await entriesOf(disk)) {
    const { id } = entry.message;
    byMessage.set(id, [...(byMessage.get(id) ?? []), entry]);
  }
  const put = [];
  for (const [id, entries] of byMessage) {
    const body = await drafted(copy, disk.body(id));
    const [first] = entries as [QueueEntry];
    put.push({ message: first.message, body, items: entries.map(({ item }) => item), leaseUntil: undefined });
  }
  await copy.commit({ put, suspend: await disk.suspended() });
  return copy;
}

async function drafted(store: MemoryStore, octets: AsyncIterable<Uint8Array>): Promise<MessageBody> {
  const draft = store.draft();
  for await (const chunk of octets) await draft.write(chunk);
  return draft.finish();
}

async function entriesOf(store: MemoryStore): Promise<readonly QueueEntry[]> {
  const all: QueueEntry[] = [];
  let after: string | undefined;
  do {
    const { entries, next } = await store.find({}, PAGE, after);
    all.push(...entries);
    after = next;
  } while (after !== undefined);
  return all;
}

function dead(): PosthouseError {
  return new PosthouseError('store-failed', 'the house has crashed');
}
