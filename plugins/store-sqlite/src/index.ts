// store-sqlite: the queue in one SQLite file, the embedded default. Provides the QueueStore.
// Not for: queues that several machines share.

import { ByteSize, definePlugin, EventSink, FilePath, QueueStore, Type } from '@posthouse/core';
import { SqliteStore } from './store.ts';

const Config = Type.Object(
  {
    path: FilePath({ description: 'The folder of the queue, on a local disk. Made when it is not there.' }),
    inlineBelow: ByteSize({
      default: '256 KiB',
      description:
        'Bodies up to this size lie in the database; larger ones get a file of their own while they arrive.',
    }),
    keepFree: ByteSize({
      default: '64 MiB',
      description:
        'Free disk below which new messages are refused with 452, so that deliveries can still be recorded; 0 for no such limit.',
    }),
    thread: Type.Union([Type.Literal('auto'), Type.Literal('main'), Type.Literal('worker')], {
      default: 'auto',
      description:
        'Where the database runs: `worker` keeps a slow disk from holding up the event loop, `main` costs less CPU; `auto` measures the disk at the start.',
    }),
  },
  { additionalProperties: false },
);

export default definePlugin({
  name: 'store-sqlite',
  config: Config,
  needs: { events: EventSink },
  provides: { queue: QueueStore },
  setup({ config, events, log }) {
    const store = new SqliteStore(config, events, log);
    return {
      services: { queue: store },
      describe: () => `the queue is kept in ${config.path}`,
      start: () => store.open(),
      stop: () => store.close(),
    };
  },
});
