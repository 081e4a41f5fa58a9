// check-example: refuses senders of some domains and counts what is queued, so that every part of a plugin stands here once.
// Not for: use. Replace each part, or drop it.

import { Clock, Duration, definePlugin, Type, Verdict } from '@posthouse/core';

export default definePlugin({
  name: 'check-example',
  config: Type.Object(
    {
      refused: Type.Array(Type.String(), { description: 'Domains whose senders are refused.' }),
      reportEvery: Duration({ default: '1h', description: 'How often the count is logged.' }),
    },
    { additionalProperties: false },
  ),
  needs: { clock: Clock },
  setup({ config, clock, log }) {
    const refused = new Set(config.refused.map((domain) => domain.toLowerCase()));
    let queued = 0;
    let endReport = () => {};
    return {
      hooks: {
        'on-mail-from'({ sender }) {
          if (sender === null || !refused.has(sender.domain)) return;
          return Verdict.reject('5.7.1', `Mail from ${sender.domain} is not taken here`, {
            reason: 'example.refused',
          });
        },
      },
      observe: {
        'message-queued'() {
          queued += 1;
        },
      },
      start() {
        const report = clock.every(config.reportEvery, () => log.info({ queued }, 'messages queued so far'));
        endReport = () => report.stop();
      },
      // For `posthouse try`: what start does is harmless, it sends and keeps nothing.
      rehearse: 'start',
      stop() {
        endReport();
      },
    };
  },
});
