// Asks Dovecot who a client is, over its auth socket: PLAIN and LOGIN with whatever Dovecot checks passwords against.
// Not for: SCRAM and tokens, which Dovecot would have to negotiate with the client itself.

import { Authenticator, Clock, Duration, definePlugin, Type } from '@posthouse/core';
import { DovecotClient } from './client.ts';

export default definePlugin({
  name: 'auth-dovecot',
  config: Type.Object(
    {
      socket: Type.String({
        minLength: 1,
        description: 'The Unix socket that Dovecot listens on for clients, or `host:port` of a TCP one.',
      }),
      service: Type.With(Type.String({ pattern: '^[a-z0-9_-]+$' }), {
        default: 'smtp',
        description:
          'The service that Dovecot is told: `%s` in its settings, `smtp` in its lists of what users may do.',
      }),
      timeout: Duration({ default: '8s', description: 'One question, connecting included.' }),
    },
    { additionalProperties: false },
  ),
  needs: { clock: Clock },
  provides: { authenticator: Authenticator },
  setup({ config, clock, log }) {
    const client = new DovecotClient(config, clock, log);
    return {
      describe: () => `asks Dovecot at ${config.socket} who a client is`,
      services: {
        authenticator: { verifyPassword: (asked) => client.verify(asked) } satisfies Authenticator,
      },
      stop: () => client.stop(),
    };
  },
});
