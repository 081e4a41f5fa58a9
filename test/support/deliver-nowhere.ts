// A transport for tests of load: reads every message to its end, keeps nothing, and says delivered.

import { definePlugin, Outcome, Type } from '@posthouse/core';

export default definePlugin({
  name: 'deliver-nowhere',
  config: Type.Object(
    {
      lanes: Type.Boolean({
        default: false,
        description: 'Whether each domain is a destination of its own.',
      }),
    },
    { additionalProperties: false },
  ),
  setup: ({ config }) => ({
    hooks: {
      'on-deliver': {
        claim: ({ domain }) => (config.lanes ? domain : 'nowhere'),
        async deliver({ message }) {
          let size = 0;
          for await (const chunk of message.open()) size += chunk.length;
          return size === message.size
            ? Outcome.delivered()
            : Outcome.failed('5.3.0', `${size} of ${message.size} octets came out`);
        },
      },
    },
  }),
});
