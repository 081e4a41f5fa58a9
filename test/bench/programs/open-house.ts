// The plugin that opens the house for the bench: every recipient is welcome, and for the job `accept` the message is
// durable first and then gone, as with Postfix's discard transport.

import { definePlugin, Outcome, Type, Verdict } from '@posthouse/core';

export default definePlugin({
  name: 'open-house',
  config: Type.Object({ discard: Type.Boolean({ description: 'Carry all mail to nowhere.' }) }),
  setup: ({ config }) => ({
    hooks: {
      'on-rcpt': () => Verdict.accept(),
      ...(config.discard && {
        'on-deliver': { claim: () => 'nowhere', deliver: () => Outcome.discarded('bench') },
      }),
    },
  }),
});
