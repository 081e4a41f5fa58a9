// Refuses senders whose domain could never receive our bounce.
// Not for: whether the sender may use that domain (SPF, DKIM, DMARC).

import { definePlugin, Resolver, Verdict } from '@posthouse/core';

export default definePlugin({
  name: 'check-sender-domain',
  needs: { resolver: Resolver },
  setup: ({ resolver }) => ({
    hooks: {
      async 'on-mail-from'({ sender }) {
        if (sender === null || sender.isLiteral || (await resolver.mx(sender.domain)).length > 0) return;
        return Verdict.reject('5.1.8', `<${sender.domain}> does not accept mail`, {
          reason: 'sender-domain.no-mx',
        });
      },
    },
  }),
});
