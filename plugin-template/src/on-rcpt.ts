// accept-example: accepts mail for some addresses, which the server then answers for.
// Not for: use. It shows a plugin that asks on-rcpt.

import { definePlugin, Type, Verdict } from '@posthouse/core';

export default definePlugin({
  name: 'accept-example',
  config: Type.Object(
    { addresses: Type.Array(Type.String(), { description: 'Addresses for which mail is accepted.' }) },
    { additionalProperties: false },
  ),
  setup({ config }) {
    const accepted = new Set(config.addresses.map((address) => address.toLowerCase()));
    return {
      hooks: {
        'on-rcpt'({ recipient }) {
          // Silence is no acceptance: a recipient whom no plugin accepts is refused.
          return accepted.has(`${recipient}`.toLowerCase()) ? Verdict.accept() : undefined;
        },
      },
    };
  },
});
