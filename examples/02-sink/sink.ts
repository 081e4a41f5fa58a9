// Accepts every recipient, logs one line for each message, and keeps nothing.

import { definePlugin, Verdict } from '@posthouse/core';

export default definePlugin({
  name: 'sink',
  setup: () => ({
    hooks: {
      'on-rcpt': () => Verdict.accept(),
      'on-data': ({ message, log }) => {
        log.info(
          { subject: message.headers.first('Subject') ?? null, size: message.size },
          'message swallowed',
        );
        return Verdict.discard('this server is a sink');
      },
    },
  }),
});
