// The delivery room by itself: the scheduler on the memory store, the fake clock and scripted transports.

import { setImmediate as turn } from 'node:timers/promises';
import type {
  Awaitable,
  BounceClassifier,
  DeliverHandler,
  Delivery,
  DeliverySettings,
  Events,
  MessageRecord,
  Outcome,
  QueueChange,
  QueueItem,
  QueueStore,
} from '../../src/contract/index.ts';
import { bounceTable, QueueControl, Scheduler } from '../../src/delivery/index.ts';
import { Routing } from '../../src/hooks/index.ts';
import { MemoryStore } from '../../src/intake/index.ts';
import { type Mailbox, type MailParameters, mailbox, type RcptParameters } from '../../src/smtp/index.ts';
import { type FakeClock, fakeChance, fakeClock } from '../../src/testing/fake-clock.ts';
import { type RecordingLogger, recordingLogger } from '../../src/testing/recording-logger.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export const SETTINGS: DeliverySettings = {
  concurrency: 200,
  slowConcurrency: 2000,
  laneConcurrency: 20,
  window: 5000,
  windowBytes: 64 * 1024 * 1024,
  attemptTimeout: 30 * MINUTE,
  retryAfter: [MINUTE, 5 * MINUTE, 15 * MINUTE],
  laneRest: 30_000,
  expireAfter: 5 * 24 * HOUR,
  delayWarningAfter: 0,
  quarantineFor: 30 * 24 * HOUR,
  redirects: 3,
};

export interface ScriptedTransport extends Partial<DeliverHandler> {
  readonly name?: string;
  readonly answer: (delivery: Delivery) => Awaitable<Outcome | undefined>;
  /** Default: the recipient's domain. */
  readonly claim?: (
    recipient: Mailbox,
    about: { readonly redirectedBy: readonly string[] },
  ) => string | undefined;
}

export interface Sent {
  readonly sender?: string;
  readonly to?: readonly (string | { readonly address: string; readonly parameters: RcptParameters })[];
  readonly body?: string;
  readonly parameters?: MailParameters;
  /** false: left in the store for `take`, as after a restart. Default true. */
  readonly fresh?: boolean;
  readonly item?: Partial<QueueItem>;
}

export interface Room {
  readonly clock: FakeClock;
  readonly store: QueueStore;
  readonly scheduler: Scheduler;
  readonly control: QueueControl;
  readonly log: RecordingLogger;
  /** What the transports were given, in order, as `transport:destination recipient,… #attempt`. */
  readonly deliveries: readonly string[];
  /** Puts a message into the queue, each destination an item of its own, and gives the items. */
  send(message?: Sent): Promise<readonly QueueItem[]>;
  items(): Promise<readonly QueueItem[]>;
  events<E extends keyof Events>(name: E): readonly Events[E][];
  /** Lets what has been set off run, without time. */
  settle(): Promise<void>;
  /** Everything in the queue of one message as text. */
  contentOf(message: string): Promise<string>;
}

export interface RoomOptions {
  readonly transports: readonly ScriptedTransport[];
  readonly settings?: Partial<DeliverySettings>;
  readonly store?: (real: QueueStore) => QueueStore;
  readonly classifier?: BounceClassifier;
  /** Default true. */
  readonly started?: boolean;
}

export function openRoom({ transports, settings, store: wrap, classifier, started }: RoomOptions): Room {
  const clock = fakeClock();
  const log = recordingLogger();
  const events: { name: string; facts: unknown }[] = [];
  const sink = {
    wants: () => true,
    emit: (name: string, facts: unknown) => {
      events.push({ name, facts });
    },
  };
  const deliveries: string[] = [];
  const routing = new Routing(
    transports.map(({ name = 'deliver-test', answer, claim, ...handler }) => ({
      plugin: name,
      log,
      handler: {
        ...handler,
        claim: claim ?? ((recipient) => recipient.domain),
        deliver(delivery) {
          const recipients = delivery.recipients.map(({ address }) => address.toString()).join(',');
          deliveries.push(`${name}:${delivery.destination} ${recipients} #${delivery.attempt}`);
          return answer(delivery);
        },
      },
    })),
    sink,
  );
  const real = new MemoryStore();
  const store = wrap === undefined ? real : wrap(real);
  let last = 0;
  const next = (): string => String(++last).padStart(9, '0');
  const chance = fakeChance(0.5);
  const identity = { hostname: 'mx.example', isSelf: () => false };
  const all = { ...SETTINGS, ...settings };
  const scheduler = new Scheduler(
    store,
    clock,
    chance,
    { next },
    sink,
    all,
    identity,
    routing,
    classifier ?? bounceTable,
    log,
  );
  if (started !== false) scheduler.start();

  const itemsFor = async (message: string, sent: Sent): Promise<readonly QueueItem[]> => {
    const items = new Map<string, QueueItem>();
    for (const each of sent.to ?? ['joe@a.example']) {
      const recipient = typeof each === 'string' ? { address: each } : each;
      const { transport, destination } = await routing.route(mailbox(recipient.address), {
        sender: null,
        notes: { get: () => undefined },
        redirectedBy: [],
      });
      const before = items.get(destination);
      items.set(destination, {
        id: before?.id ?? next(),
        message,
        transport,
        destination,
        recipients: [...(before?.recipients ?? []), recipient],
        state: 'waiting',
        reason: transport === null ? { kind: 'no-route' } : { kind: 'fresh' },
        attempts: 0,
        due: clock.now(),
        expires: clock.now() + all.expireAfter,
        ...sent.item,
      });
    }
    return [...items.values()];
  };

  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 10; turns++) await turn();
  };

  return {
    clock,
    store,
    scheduler,
    control: new QueueControl({ store, scheduler, routing, clock, events: sink, settings: all }),
    log,
    deliveries,
    async send(sent = {}) {
      const id = next();
      const draft = real.draft();
      await draft.write(Buffer.from(sent.body ?? 'Subject: test\r\n\r\nHello\r\n', 'utf8'));
      const body = await draft.finish();
      const head = 'Received: from client.example\r\n';
      const message: MessageRecord = {
        id,
        sender: sent.sender ?? 'ann@sender.example',
        arrivedAt: clock.now(),
        size: head.length + body.size,
        head,
        parameters: sent.parameters ?? {},
        origin: { session: 'SESSION1' },
        notes: {},
      };
      const items = await itemsFor(id, sent);
      const atOnce = sent.fresh !== false && scheduler.admits(items, message.size);
      const leaseUntil = atOnce ? scheduler.leaseUntil() : undefined;
      await real.commit({ put: [{ message, body, items, leaseUntil }] });
      if (atOnce) scheduler.offer(message, body, items);
      else scheduler.wake();
      return items;
    },
    async items() {
      return (await real.find({}, 1_000_000)).entries.map(({ item }) => item);
    },
    events: (name) => events.filter((event) => event.name === name).map(({ facts }) => facts) as never,
    settle,
    async contentOf(message) {
      let text = '';
      for await (const bytes of real.body(message)) text += Buffer.from(bytes).toString('utf8');
      return text;
    },
  };
}

/** A promise in the hand of the test. */
export function gate<T>(): { readonly promise: Promise<T>; readonly open: (value: T) => void } {
  let open: (value: T) => void = () => {};
  const promise = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

/** The store, with a look at each change before it is committed. A throw refuses it. */
export function watched(real: QueueStore, look: (change: QueueChange) => void): QueueStore {
  return new Proxy(real, {
    get(target, name) {
      if (name === 'commit') {
        return async (change: QueueChange) => {
          look(change);
          await target.commit(change);
        };
      }
      const value = Reflect.get(target, name) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
