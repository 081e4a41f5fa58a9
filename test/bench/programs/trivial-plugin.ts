// A plugin that sees everything and has nothing to say. What a dozen of them cost is the price of having plugins at all.

import { definePlugin, Type, Verdict } from '@posthouse/core';

export default definePlugin({
  name: 'trivial',
  config: Type.Object({ word: Type.String({ description: 'A word that nobody sends.' }) }),
  setup: ({ config }) => ({
    hooks: {
      'on-connect': () => undefined,
      'on-mail-from': () => undefined,
      'on-rcpt': () => undefined,
      'on-data': ({ message }) =>
        message.headers.first('X-Bench') === config.word
          ? Verdict.reject('5.7.1', 'The word is not allowed')
          : undefined,
    },
  }),
});
