// What can be configured, with its defaults: the schema behind the README's table.

import { ByteSize, Duration, type Static, Type } from '@posthouse/core';

const LimitSchema = Type.Object(
  {
    count: Type.Union(
      [
        Type.Literal('connections'),
        Type.Literal('messages'),
        Type.Literal('recipients'),
        Type.Literal('bytes'),
        Type.Literal('failures'),
      ],
      { description: 'What is counted.' },
    ),
    by: Type.Union(
      [
        Type.Literal('address'),
        Type.Literal('network'),
        Type.Literal('sender'),
        Type.Literal('sender-domain'),
        Type.Literal('user'),
        Type.Literal('recipient'),
        Type.Literal('recipient-domain'),
        Type.Literal('everybody'),
      ],
      { description: 'For whom.' },
    ),
    most: ByteSize({ description: 'How many, or how many octets, within `per`.' }),
    per: Duration({ description: 'The window, which slides.' }),
    others: Type.Optional(
      Type.Record(Type.String(), ByteSize({ description: 'In the place of `most`.' }), {
        description: 'Other limits for single ones.',
      }),
    ),
    action: Type.Optional(
      Type.Union([Type.Literal('defer'), Type.Literal('reject'), Type.Literal('disconnect')], {
        description: 'What follows; default `defer`.',
      }),
    ),
  },
  { additionalProperties: false },
);

export type LimitEntry = Static<typeof LimitSchema>;

export const ConfigSchema = Type.Object(
  {
    limits: Type.Array(LimitSchema, {
      minItems: 1,
      description: 'The limits: objects with `count`, `by`, `most`, `per`, `others` and `action` (below).',
    }),
    ipv4Prefix: Type.With(Type.Integer({ minimum: 8, maximum: 32 }), {
      default: 24,
      description: 'Bits of an IPv4 address that name its network.',
    }),
    ipv6Prefix: Type.With(Type.Integer({ minimum: 16, maximum: 128 }), {
      default: 64,
      description:
        'Bits of an IPv6 address that name its network; by `address`, an IPv6 client counts as its network too.',
    }),
    trustedNetworks: Type.With(Type.Array(Type.String()), {
      default: ['127.0.0.0/8', '::1'],
      description: 'Clients without limits.',
    }),
    unavailable: Type.With(Type.Union([Type.Literal('pass'), Type.Literal('defer')]), {
      default: 'pass',
      description: 'When the counts of a shared service cannot be reached: no limits, or no mail.',
    }),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
