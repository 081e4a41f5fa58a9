// check-example: refuses clients at some addresses before they have said a word.
// Not for: use. It shows a plugin that asks on-connect.

import { definePlugin, Type, Verdict } from '@posthouse/core';

export default definePlugin({
  name: 'check-example',
  config: Type.Object(
    { refused: Type.Array(Type.String(), { description: 'Addresses of clients that are refused.' }) },
    { additionalProperties: false },
  ),
  setup({ config }) {
    const refused = new Set(config.refused);
    return {
      hooks: {
        'on-connect'({ session }) {
          if (!refused.has(session.remoteAddress)) return;
          return Verdict.reject('5.7.1', 'This server does not talk to you', { reason: 'example.refused' });
        },
      },
    };
  },
});
