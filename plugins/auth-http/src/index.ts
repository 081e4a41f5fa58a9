// Asks a web service who a client is: one POST of JSON for each login.
// Not for: users in a file (auth-file), those of Dovecot (auth-dovecot).

import {
  Authenticator,
  ByteSize,
  Clock,
  Duration,
  definePlugin,
  type LoginResult,
  Type,
} from '@posthouse/core';
import { AnswerCache } from './answer-cache.ts';
import { type Inquiry, Service } from './service.ts';

export default definePlugin({
  name: 'auth-http',
  config: Type.Object(
    {
      url: Type.String({
        pattern: '^https?://',
        description: 'Where the service is. `http:` only to this machine, unless `insecure` says otherwise.',
      }),
      headers: Type.With(Type.Record(Type.String(), Type.String()), {
        default: {},
        description: 'Header fields of each request: a secret for the service, say.',
      }),
      insecure: Type.With(Type.Boolean(), {
        default: false,
        description: 'Sends passwords over `http:` to other machines too.',
      }),
      tokens: Type.With(Type.Boolean(), {
        default: false,
        description: 'The service knows bearer tokens as well: OAUTHBEARER and XOAUTH2 are offered.',
      }),
      timeout: Duration({
        default: '5s',
        description: 'One request, from its beginning to the end of the answer.',
      }),
      requests: Type.With(Type.Integer({ minimum: 1 }), {
        default: 50,
        description: 'Requests at a time; whoever comes beyond is told to come again.',
      }),
      answerSize: ByteSize({ default: '16 KiB', description: 'Largest answer; a larger one is none.' }),
      cacheFor: Duration({
        default: 0,
        description: 'How long a right password is remembered, as a keyed hash; 0 remembers none.',
      }),
      cacheSize: Type.With(Type.Integer({ minimum: 1 }), {
        default: 1000,
        description: 'Right passwords that are remembered.',
      }),
    },
    { additionalProperties: false },
  ),
  needs: { clock: Clock },
  provides: { authenticator: Authenticator },
  setup({ config, clock }) {
    const service = new Service(config, clock);
    const cache = new AnswerCache(config.cacheFor, config.cacheSize, clock);
    const ask = async (inquiry: Inquiry, secret: string): Promise<LoginResult | undefined> => {
      const { user, session } = inquiry.asked;
      const key = cache.keyOf(session.listener, inquiry.kind, user, secret);
      const known = cache.get(key);
      if (known !== undefined) return { user: known };
      const result = await service.ask(inquiry, secret);
      if (result !== undefined && 'user' in result) cache.remember(key, result.user);
      return result;
    };
    return {
      describe: () => `asks ${new URL(config.url).origin} who a client is`,
      services: {
        authenticator: {
          verifyPassword: (asked) => ask({ kind: 'password', asked }, asked.password),
          ...(config.tokens && { verifyToken: (asked) => ask({ kind: 'token', asked }, asked.token) }),
        } satisfies Authenticator,
      },
      start: () => service.check(),
    };
  },
});
