// The queue in memory: the reference for what a QueueStore promises, for tests and examples.
// Not for: mail that somebody would miss, since nothing outlives the process.

import {
  type Lane,
  type MessageBody,
  type MessageDraft,
  type MessageRecord,
  matchesFilter,
  PosthouseError,
  type QueueChange,
  type QueueCounts,
  type QueueEntry,
  type QueueFilter,
  type QueueItem,
  type QueuePage,
  type QueueStore,
  type Suspension,
  type TakeRequest,
} from '../contract/index.ts';
import { type HeapMember, IndexedHeap } from './indexed-heap.ts';

interface Held {
  readonly record: MessageRecord;
  readonly body: MemoryBody;
  readonly items: Set<string>;
}

interface Entry extends HeapMember {
  item: QueueItem;
  readonly message: Held;
  /** undefined: nobody holds a lease. */
  leaseUntil: number | undefined;
  /** The lane in whose heap it waits to be taken. */
  lane: WaitingLane | undefined;
}

interface WaitingLane extends HeapMember {
  readonly key: string;
  readonly entries: IndexedHeap<Entry>;
}

export class MemoryStore implements QueueStore {
  readonly #messages = new Map<string, Held>();
  readonly #entries = new Map<string, Entry>();
  /** Lanes with items that may be taken once they are due. */
  readonly #lanes = new Map<string, WaitingLane>();
  readonly #byDue = new IndexedHeap<WaitingLane>((a, b) =>
    sooner(a.entries.first as Entry, b.entries.first as Entry),
  );
  readonly #suspended = new Map<string, Suspension>();
  readonly #leased = new IndexedHeap<Entry>((a, b) => (a.leaseUntil as number) < (b.leaseUntil as number));

  draft(): MessageDraft {
    return new MemoryDraft();
  }

  async commit(change: QueueChange): Promise<void> {
    this.#check(change);
    for (const { message, body, items, leaseUntil } of change.put ?? []) {
      const held: Held = { record: message, body: body as MemoryBody, items: new Set() };
      held.body.take();
      this.#messages.set(message.id, held);
      for (const item of items) this.#enter(item, held, leaseUntil);
    }
    for (const item of change.add ?? []) {
      const held = this.#messages.get(item.message);
      if (held) this.#enter(item, held, undefined);
    }
    for (const item of change.update ?? []) this.#change(item, true);
    for (const item of change.progress ?? []) this.#change(item, false);
    for (const item of change.remove ?? []) this.#remove(item);
    for (const lane of change.suspend ?? []) {
      if (!this.#suspended.has(laneKey(lane))) this.#suspended.set(laneKey(lane), lane);
    }
    for (const lane of change.resume ?? []) this.#suspended.delete(laneKey(lane));
  }

  async take({ now, limit, leaseUntil, except, rooms = [] }: TakeRequest): Promise<readonly QueueEntry[]> {
    this.#endLeases(now);
    const room = new Map(rooms.map((lane) => [laneKey(lane), lane.room]));
    const closed = [...except, ...this.#suspended.values()]
      .map((lane) => this.#lanes.get(laneKey(lane)))
      .filter((lane) => lane !== undefined);
    for (const lane of closed) if (lane.place !== -1) this.#byDue.remove(lane);
    const taken: QueueEntry[] = [];
    while (taken.length < limit) {
      const entry = this.#byDue.first?.entries.first;
      if (entry === undefined || entry.item.due > now) break;
      const lane = entry.lane as WaitingLane;
      this.#unplace(entry);
      entry.leaseUntil = leaseUntil;
      this.#place(entry);
      taken.push({ item: entry.item, message: entry.message.record });
      const left = room.get(lane.key);
      if (left === undefined) continue;
      room.set(lane.key, left - 1);
      if (left > 1 || lane.place === -1) continue;
      this.#byDue.remove(lane);
      closed.push(lane);
    }
    for (const lane of closed) if (lane.place === -1) this.#byDue.add(lane);
    return taken;
  }

  async renew(leaseUntil: number): Promise<void> {
    const entries: Entry[] = [];
    for (let first = this.#leased.first; first !== undefined; first = this.#leased.first) {
      this.#leased.remove(first);
      entries.push(first);
    }
    for (const entry of entries) {
      entry.leaseUntil = leaseUntil;
      this.#leased.add(entry);
    }
  }

  async *body(message: string): AsyncIterable<Uint8Array> {
    const held = this.#messages.get(message);
    if (held === undefined)
      throw new PosthouseError('message-missing', `message ${message} is not in the queue`);
    yield* held.body.inMemory;
  }

  async find(filter: QueueFilter, limit: number, after?: string): Promise<QueuePage> {
    const ids = [...this.#entries.keys()].filter((id) => after === undefined || id > after).sort();
    const entries: QueueEntry[] = [];
    for (const id of ids) {
      const { item, message } = this.#entries.get(id) as Entry;
      const entry = { item, message: message.record };
      if (!matchesFilter(filter, entry)) continue;
      if (entries.length === limit) return { entries, next: entries.at(-1)?.item.id };
      entries.push(entry);
    }
    return { entries, next: undefined };
  }

  async counts(): Promise<QueueCounts> {
    let held = 0;
    for (const { item } of this.#entries.values()) if (item.state === 'held') held += 1;
    return { messages: this.#messages.size, waiting: this.#entries.size - held, held, damaged: 0 };
  }

  async suspended(): Promise<readonly Suspension[]> {
    return [...this.#suspended.values()].sort((a, b) => a.since - b.since);
  }

  /** A change is whole or not at all: whatever could stop it half-way is looked for before it begins. */
  #check({ put = [], add = [] }: QueueChange): void {
    const messages = new Set<string>();
    const items = new Set<string>();
    const bodies = new Set<MessageBody>();
    for (const { message, body, items: own } of put) {
      if (own.length === 0) throw refused(`message ${message.id} has no items`);
      if (!(body instanceof MemoryBody) || !body.free || bodies.has(body))
        throw refused(`the body of ${message.id} is not a free draft`);
      if (this.#messages.has(message.id) || messages.has(message.id))
        throw refused(`message ${message.id} exists already`);
      bodies.add(body);
      messages.add(message.id);
    }
    for (const item of [...put.flatMap((one) => one.items), ...add]) {
      if (this.#entries.has(item.id) || items.has(item.id)) throw refused(`item ${item.id} exists already`);
      items.add(item.id);
    }
  }

  #enter(item: QueueItem, message: Held, leaseUntil: number | undefined): void {
    const entry: Entry = { item, message, leaseUntil, lane: undefined, place: -1 };
    message.items.add(item.id);
    this.#entries.set(item.id, entry);
    this.#place(entry);
  }

  #change(item: QueueItem, givesLeaseBack: boolean): void {
    const entry = this.#entries.get(item.id);
    if (entry === undefined) return;
    this.#unplace(entry);
    entry.item = item;
    if (givesLeaseBack) entry.leaseUntil = undefined;
    this.#place(entry);
  }

  #remove(item: QueueItem): void {
    const entry = this.#entries.get(item.id);
    if (entry === undefined) return;
    this.#unplace(entry);
    this.#entries.delete(item.id);
    entry.message.items.delete(item.id);
    if (entry.message.items.size === 0) this.#messages.delete(entry.message.record.id);
  }

  #endLeases(now: number): void {
    for (let first = this.#leased.first; first !== undefined; first = this.#leased.first) {
      if ((first.leaseUntil as number) > now) return;
      this.#unplace(first);
      first.leaseUntil = undefined;
      this.#place(first);
    }
  }

  /** Puts an entry where `take` will look for it: among the leased, in its lane, or nowhere when it is held. */
  #place(entry: Entry): void {
    if (entry.leaseUntil !== undefined) {
      this.#leased.add(entry);
      return;
    }
    if (entry.item.state === 'held') return;
    const key = laneKey(entry.item);
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = { key, place: -1, entries: new IndexedHeap<Entry>(sooner) };
      this.#lanes.set(key, lane);
    }
    entry.lane = lane;
    lane.entries.add(entry);
    if (lane.place === -1) this.#byDue.add(lane);
    else this.#byDue.moved(lane);
  }

  #unplace(entry: Entry): void {
    const { lane } = entry;
    if (lane === undefined) {
      if (entry.place !== -1) this.#leased.remove(entry);
      return;
    }
    entry.lane = undefined;
    if (lane.entries.size === 1) {
      // Out of its heap while it still has the rank by which it got in.
      this.#byDue.remove(lane);
      this.#lanes.delete(lane.key);
      lane.entries.remove(entry);
      return;
    }
    lane.entries.remove(entry);
    this.#byDue.moved(lane);
  }
}

export function memoryStore(): QueueStore {
  return new MemoryStore();
}

class MemoryDraft implements MessageDraft {
  readonly #body = new MemoryBody();

  write(bytes: Uint8Array): undefined {
    this.#body.append(bytes);
  }

  finish(): MessageBody {
    return this.#body;
  }

  discard(): void {
    this.#body.discard();
  }
}

class MemoryBody implements MessageBody {
  size = 0;
  #chunks: Uint8Array[] = [];
  #state: 'free' | 'taken' | 'discarded' = 'free';

  get inMemory(): readonly Uint8Array[] {
    return this.#chunks;
  }

  /** Neither committed nor discarded. */
  get free(): boolean {
    return this.#state === 'free';
  }

  append(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.size += bytes.length;
  }

  take(): void {
    this.#state = 'taken';
  }

  async *open(): AsyncIterable<Uint8Array> {
    yield* this.#chunks;
  }

  discard(): void {
    if (this.#state === 'taken') return;
    this.#state = 'discarded';
    this.#chunks = [];
  }
}

function sooner(a: Entry, b: Entry): boolean {
  return a.item.due === b.item.due ? a.item.id < b.item.id : a.item.due < b.item.due;
}

function laneKey({ transport, destination }: Lane): string {
  return `${transport ?? ''}\u0000${destination}`;
}

function refused(why: string): PosthouseError {
  return new PosthouseError('store-failed', `The change was refused: ${why}`);
}
