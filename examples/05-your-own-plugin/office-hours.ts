// Takes mail in office hours only; outside of them the client is asked to come back. Hours are UTC.

import { Clock, definePlugin, Type, Verdict } from '@posthouse/core';

export default definePlugin({
  name: 'office-hours',
  config: Type.Object({
    opens: Type.Integer({ minimum: 0, maximum: 24, default: 8, description: 'The first hour.' }),
    closes: Type.Integer({
      minimum: 0,
      maximum: 24,
      default: 18,
      description: 'The hour after the last one.',
    }),
  }),
  needs: { clock: Clock },
  setup: ({ config, clock }) => ({
    hooks: {
      'on-mail-from': () => {
        const hour = new Date(clock.now()).getUTCHours();
        if (hour >= config.opens && hour < config.closes) return;
        return Verdict.defer('4.3.2', `Come back after ${config.opens}:00 UTC`, { reason: 'office.closed' });
      },
    },
  }),
});
