// What the operator may say: the schema, from which the README's table and the type of the settings come.

import { Duration, type Static, Type } from '@posthouse/core';

export const ConfigSchema = Type.Object(
  {
    domain: Type.String({
      description:
        'The domain of the rewritten senders: its MX must lead here, and its SPF record must name this server.',
    }),
    secrets: Type.Array(Type.String({ minLength: 16 }), {
      minItems: 1,
      description:
        'The keys of the hash, out of secrets. The first one writes, all of them read: a new one is put in front, and the last one taken away after `maxAge`.',
    }),
    ownDomains: Type.With(Type.Array(Type.String()), {
      default: [],
      description: 'Our domains, `domain` besides: what comes from them or stays with them is not rewritten.',
    }),
    maxAge: Duration({
      default: '21d',
      description: 'How long a bounce is believed, in whole days; 1000 at most.',
    }),
    hashLength: Type.With(Type.Integer({ minimum: 4, maximum: 20 }), {
      default: 4,
      description:
        'Characters of the hash. More are harder to guess and leave less room: a local part has 64 octets.',
    }),
    nullSenderOnly: Type.With(Type.Boolean(), {
      default: false,
      description: 'Take mail for rewritten addresses only from the null sender, as bounces have it.',
    }),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
