// Counts in Redis, so that several servers, or several processes of one, limit together.
// Not for: anything but counts; the queue and greylists have stores of their own.

import { Clock, Counters, Duration, definePlugin, Type } from '@posthouse/core';
import { RedisCounters } from './redis-counters.ts';

export default definePlugin({
  name: 'counter-redis',
  config: Type.Object(
    {
      url: Type.With(Type.String({ pattern: '^rediss?://|^unix://' }), {
        default: 'redis://127.0.0.1:6379',
        description:
          'Where Redis is: `redis://user:password@host:6379/0`, `rediss://…` with TLS, `unix:///run/redis.sock`.',
      }),
      prefix: Type.With(Type.String(), {
        default: 'posthouse:',
        description: 'What all keys begin with: servers that limit together have the same.',
      }),
      timeout: Duration({
        default: '500ms',
        description: 'How long a question may take. Later it has failed, and the plugin that asked decides.',
      }),
    },
    { additionalProperties: false },
  ),
  needs: { clock: Clock },
  provides: { counters: Counters },
  setup({ config, clock, log }) {
    const counters = new RedisCounters(config, clock, log);
    return {
      describe: () => `counts in Redis at ${new URL(config.url).host || config.url}`,
      services: { counters },
      start: () => counters.start(),
      stop: () => counters.stop(),
    };
  },
});
