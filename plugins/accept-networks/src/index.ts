// Lets clients of trusted networks send mail to anywhere.
// Not for: users on the move, who authenticate instead; refusing anybody, which is for check-* plugins.

import { definePlugin, type SessionView, TrustedNetworks, Type, Verdict } from '@posthouse/core';

export default definePlugin({
  name: 'accept-networks',
  config: Type.Object(
    {
      networks: Type.Array(Type.String(), {
        minItems: 1,
        description:
          'Addresses and networks in CIDR form whose clients may relay: `127.0.0.0/8`, `::1`, `10.1.2.0/24`.',
      }),
    },
    { additionalProperties: false },
  ),
  setup({ config }) {
    const networks = new TrustedNetworks(config.networks);
    // A session asks for each of its recipients and never changes its address.
    const answers = new WeakMap<SessionView, boolean>();
    return {
      describe: () => `clients from ${config.networks.join(', ')} may send mail to anywhere`,
      hooks: {
        // Late, so that the plugin which knows our own mailboxes can refuse unknown ones before this claim hides them.
        'on-rcpt': {
          order: 'late',
          handler({ session }) {
            let trusted = answers.get(session);
            if (trusted === undefined) {
              trusted = networks.has(session.remoteAddress);
              answers.set(session, trusted);
            }
            return trusted ? Verdict.accept({ reason: 'networks.trusted' }) : undefined;
          },
        },
      },
    };
  },
});
