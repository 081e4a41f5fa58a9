// The smallest store plugin: a queue that is gone with the process. For tests, examples and trying things out.

import { definePlugin, QueueStore } from '../contract/index.ts';
import { MemoryStore } from '../intake/index.ts';

export const storeMemory = definePlugin({
  name: 'store-memory',
  provides: { queue: QueueStore },
  setup: () => ({ services: { queue: new MemoryStore() } }),
});

export default storeMemory;
