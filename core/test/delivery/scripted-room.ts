// A delivery room for tests: the scheduler on a store, with a clock in the test's hand and transports that follow a script.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import type {
  Clock,
  DeliverHandler,
  Delivery,
  DeliverySettings,
  EventName,
  EventSink,
  Events,
  MessageRecord,
  QueueEntry,
  QueueItem,
  QueueStore,
} from '../../src/contract/index.ts';
import { Outcome } from '../../src/contract/index.ts';
import { bounceTable, QueueControl, Scheduler } from '../../src/delivery/index.ts';
import { Routing } from '../../src/hooks/index.ts';
import { MemoryStore } from '../../src/intake/memory-store.ts';
import { mailbox } from '../../src/smtp/index.ts';
import { type FakeClock, fakeChance, fakeClock } from '../../src/testing/fake-clock.ts';
import { type RecordingLogger, recordingLogger } from '../../src/testing/recording-logger.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

const SETTINGS: DeliverySettings = {
  concurrency: 50,
  slowConcurrency: 2000,
  laneConcurrency: 5,
  window: 1000,
  windowBytes: 1_000_000,
  attemptTimeout: 10 * MINUTE,
  retryAfter: [MINUTE, 5 * MINUTE, 15 * MINUTE],
  laneRest: 30_000,
  expireAfter: 24 * HOUR,
  delayWarningAfter: 0,
  quarantineFor: 2_592_000_000,
  redirects: 3,
};

export interface RecordedEvents extends EventSink {
  readonly all: readonly { readonly event: EventName; readonly facts: unknown }[];
  of<E extends EventName>(event: E): Events[E][];
}

export function recordedEvents(): RecordedEvents {
  const all: { event: EventName; facts: unknown }[] = [];
  return {
    all,
    wants: () => true,
    emit: (event, facts) => {
      all.push({ event, facts });
    },
    of: <E extends EventName>(event: E) =>
      all.filter((one) => one.event === event).map(({ facts }) => facts as Events[E]),
  };
}

/** Answers each delivery by the script's next line; the last one repeats. Claims everything unless told otherwise. */
export interface Script extends DeliverHandler {
  readonly deliveries: Delivery[];
}
export type Line =
  | Outcome
  | undefined
  | ((delivery: Delivery) => Outcome | undefined | Promise<Outcome | undefined>);

export function script(lines: readonly Line[], over: Partial<DeliverHandler> = {}): Script {
  const deliveries: Delivery[] = [];
  return {
    deliveries,
    claim: ({ domain }) => domain,
    deliver(delivery) {
      const line = lines[Math.min(deliveries.length, lines.length - 1)];
      deliveries.push(delivery);
      return typeof line === 'function' ? line(delivery) : line;
    },
    ...over,
  };
}

export interface Room {
  readonly store: QueueStore;
  readonly clock: FakeClock;
  readonly events: RecordedEvents;
  readonly log: RecordingLogger;
  readonly routing: Routing;
  readonly scheduler: Scheduler;
  readonly control: QueueControl;
  readonly settings: DeliverySettings;
  /** Puts a message into the queue, claimed as intake would have claimed it. */
  put(recipients: readonly string[], over?: PutOptions): Promise<PutMessage>;
  items(): Promise<readonly QueueEntry[]>;
  settled(): Promise<void>;
}
export interface PutOptions {
  readonly sender?: string;
  readonly content?: string;
  readonly message?: Partial<MessageRecord>;
  readonly item?: Partial<QueueItem>;
  readonly each?: (address: string) => Partial<QueueItem['recipients'][number]>;
  readonly offer?: boolean;
}
export interface PutMessage {
  readonly message: MessageRecord;
  readonly items: readonly QueueItem[];
}

let names = 0;
export const identifiers = {
  next(): string {
    names += 1;
    return `id${String(names).padStart(8, '0')}`;
  },
};

export interface RoomOptions {
  readonly store?: QueueStore;
  readonly clock?: FakeClock;
  readonly settings?: Partial<DeliverySettings>;
}

export function room(transports: Readonly<Record<string, DeliverHandler>>, options: RoomOptions = {}): Room {
  const { store = new MemoryStore(), clock = fakeClock() } = options;
  const settings = { ...SETTINGS, ...options.settings };
  const events = recordedEvents();
  const log = recordingLogger();
  const routing = new Routing(
    Object.entries(transports).map(([plugin, handler]) => ({ plugin, handler, log })),
    events,
  );
  const identity = { hostname: 'mx.example.org', isSelf: () => false };
  const scheduler = new Scheduler(
    store,
    clock as Clock,
    fakeChance(0.5),
    identifiers,
    events,
    settings,
    identity,
    routing,
    bounceTable,
    log,
  );
  const control = new QueueControl({ store, scheduler, routing, clock, events, settings });
  return {
    store,
    clock,
    events,
    log,
    routing,
    scheduler,
    control,
    settings,
    async put(recipients, over = {}) {
      const {
        sender = 'author@example.net',
        content = 'Subject: hello\r\nMessage-ID: <m1@example.net>\r\n\r\nbody\r\n',
      } = over;
      const id = identifiers.next();
      const now = clock.now();
      const draft = store.draft();
      await draft.write(Buffer.from(content, 'latin1'));
      const body = await draft.finish();
      const head = 'Received: from client\r\n\tby mx.example.org\r\n';
      const message: MessageRecord = {
        id,
        sender,
        arrivedAt: now,
        size: head.length + body.size,
        head,
        parameters: {},
        origin: { session: 's1' },
        notes: {},
        ...over.message,
      };
      const about = {
        sender: sender === '' ? null : mailbox(sender),
        notes: { get: () => undefined },
        redirectedBy: [],
      };
      const items: QueueItem[] = [];
      for (const address of recipients) {
        const route = await routing.route(mailbox(address), about);
        const recipient = { address, ...over.each?.(address) };
        const at = items.findIndex(
          (item) => item.transport === route.transport && item.destination === route.destination,
        );
        if (at !== -1)
          items[at] = {
            ...(items[at] as QueueItem),
            recipients: [...(items[at] as QueueItem).recipients, recipient],
          };
        else
          items.push({
            id: identifiers.next(),
            message: id,
            transport: route.transport,
            destination: route.destination,
            recipients: [recipient],
            state: 'waiting',
            reason: route.transport === null ? { kind: 'no-route' } : { kind: 'fresh' },
            attempts: 0,
            due: now,
            expires: now + settings.expireAfter,
            ...over.item,
          });
      }
      const atOnce = over.offer === true && scheduler.admits(items, message.size);
      await store.commit({
        put: [{ message, body, items, leaseUntil: atOnce ? scheduler.leaseUntil() : undefined }],
      });
      if (atOnce) scheduler.offer(message, body, items);
      else scheduler.wake();
      return { message, items };
    },
    items: async () => (await store.find({}, 100_000)).entries,
    settled: () => clock.advance(0),
  };
}

/** A store whose `commit` fails as long as `full` is set, and which counts what is read back. */
export class TroubledStore extends MemoryStore {
  full = false;
  bodiesRead = 0;
  commits = 0;

  override async commit(change: Parameters<QueueStore['commit']>[0]): Promise<void> {
    this.commits += 1;
    if (this.full) throw new Error('store-full: no room');
    // What a store keeps is text: objects do not survive it.
    await super.commit({
      ...change,
      ...(change.add && { add: JSON.parse(JSON.stringify(change.add)) }),
      ...(change.update && { update: JSON.parse(JSON.stringify(change.update)) }),
      ...(change.progress && { progress: JSON.parse(JSON.stringify(change.progress)) }),
    });
  }

  override body(message: string): AsyncIterable<Uint8Array> {
    this.bodiesRead += 1;
    return super.body(message);
  }
}

/** Unhandled rejections are failures of the file that imports this. */
export function watchRejections(): void {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  before(() => {
    process.on('unhandledRejection', note);
  });
  after(() => {
    process.off('unhandledRejection', note);
    assert.deepEqual(unhandled, []);
  });
}

export const delivered = Outcome.delivered();
export const later = Outcome.deferred('4.2.2', 'Mailbox full');
export const never = (): Promise<undefined> => new Promise(() => undefined);

export const addresses = (delivery: Delivery | undefined): string[] =>
  (delivery?.recipients ?? []).map(({ address }) => address.toString());

export async function only(from: Room): Promise<QueueItem> {
  const entries = await from.items();
  assert.equal(entries.length, 1, JSON.stringify(entries));
  return (entries[0] as (typeof entries)[number]).item;
}
