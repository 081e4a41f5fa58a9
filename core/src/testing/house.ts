// openHouse: the whole house on memory stores, a fake clock and connections without ports.

import type { Duplex } from 'node:stream';
import type { Events } from '../contract/index.ts';
import type { PluginEntry, ServerDefinition } from '../server/definition.ts';
import { connectedPair } from '../server/in-process-socket.ts';
import { createServer, type Server } from '../server/server.ts';
import { storeMemory } from '../server/store-memory.ts';
import type { CrashableQueue } from './crashable-queue.ts';
import { type FakeClock, fakeChance, fakeClock } from './fake-clock.ts';
import { fakeResolver } from './fake-resolver.ts';
import { type RecordingLogger, recordingLogger } from './recording-logger.ts';
import { holdDialogue, parseDialogue } from './transcript.ts';

export interface HouseOptions extends Partial<Omit<ServerDefinition, 'plugins'>> {
  readonly plugins: readonly PluginEntry[];
  /** Default: one that knows no name; with `dns` in the definition, a real one that asks those servers. */
  readonly resolver?: ReturnType<typeof fakeResolver>;
  /** false when one of the plugins is a store. */
  readonly memoryStore?: boolean;
  /** In the place of the memory store: a queue that outlives the house, which crashes when it is told to. */
  readonly queue?: CrashableQueue;
  readonly clock?: FakeClock;
}

/** Milliseconds. */
const LONGER_THAN_ANY_DRAIN = 600_000;

export interface Caller {
  readonly listener?: string;
  readonly remoteAddress?: string;
}

export interface OpenHouse extends AsyncDisposable {
  readonly server: Server;
  readonly clock: FakeClock;
  readonly log: RecordingLogger;
  /** Holds a dialogue (transcript.ts) as a client and fails where the house says something else. */
  talk(dialogue: string, caller?: Caller): Promise<readonly string[]>;
  /** A connection to say anything on. */
  connect(caller?: Caller): Duplex;
  /** The events of one kind so far. */
  events<E extends keyof Events>(name: E): readonly Events[E][];
  stop(): Promise<void>;
}

export async function openHouse(options: HouseOptions): Promise<OpenHouse> {
  const { plugins, resolver, memoryStore, queue, clock: ownClock, ...definition } = options;
  const clock = ownClock ?? fakeClock();
  const log = recordingLogger();
  const clients = new Set<Duplex>();
  const store =
    queue === undefined
      ? storeMemory()
      : await queue.open(() => {
          for (const client of clients) client.destroy();
        });
  const server = createServer(
    {
      hostname: 'house.example',
      listeners: [{ name: 'mx', host: '127.0.0.1', port: 0 }],
      ...definition,
      plugins: memoryStore === false ? plugins : [store, ...plugins],
    },
    {
      clock,
      chance: fakeChance(0.5),
      logger: log,
      ...(definition.dns === undefined && { resolver: resolver ?? fakeResolver({}) }),
    },
  );
  await server.start();
  const connect = ({ listener = 'mx', remoteAddress = '192.0.2.1' }: Caller = {}): Duplex => {
    const found = server.listeners.find(({ name }) => name === listener);
    if (found === undefined) throw new TypeError(`the house has no listener ${listener}`);
    const pair = connectedPair({
      remoteAddress,
      remotePort: 40_000,
      localAddress: '198.51.100.1',
      localPort: 25,
    });
    found.accept(pair.server);
    clients.add(pair.client);
    pair.client.once('close', () => clients.delete(pair.client));
    return pair.client;
  };
  const stop = async (): Promise<void> => {
    const stopped = server.stop();
    // Whatever a crashed house still waits for, nobody else does.
    if (queue?.crashed) await clock.advance(LONGER_THAN_ANY_DRAIN);
    await stopped;
  };
  return {
    server,
    clock,
    log,
    connect,
    async talk(dialogue, caller) {
      const stream = connect(caller);
      try {
        return await holdDialogue(parseDialogue(dialogue), { stream, advance: (ms) => clock.advance(ms) });
      } finally {
        stream.destroy();
      }
    },
    events: (name) => log.lines.filter(({ text }) => text === name).map(({ fields }) => fields) as never,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
