// check-example: refuses messages with some words in their subject.
// Not for: use. It shows a plugin that asks on-data.

import { definePlugin, Type, Verdict } from '@posthouse/core';

export default definePlugin({
  name: 'check-example',
  config: Type.Object(
    { words: Type.Array(Type.String(), { description: 'Words that no subject may have.' }) },
    { additionalProperties: false },
  ),
  setup({ config }) {
    const words = config.words.map((word) => word.toLowerCase());
    return {
      hooks: {
        'on-data'({ message }) {
          const subject = message.headers.first('Subject')?.toLowerCase() ?? '';
          if (!words.some((word) => subject.includes(word))) return;
          return Verdict.reject('5.7.1', 'We do not want to read this', { reason: 'example.subject' });
        },
      },
    };
  },
});
