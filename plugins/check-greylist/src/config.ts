// What can be configured, with its defaults: the schema behind the README's table.

import { Duration, FilePath, LOCAL_NETWORKS, type Static, Type } from '@posthouse/core';

export const ConfigSchema = Type.Object(
  {
    path: FilePath({
      default: './var/greylist.db',
      description: 'The SQLite database in which clients are remembered. Made where it is missing.',
    }),
    delay: Duration({ default: '5m', description: 'How long a new client has to wait.' }),
    retryWindow: Duration({
      default: '2d',
      description: 'Within which it has to come back; later it is new again.',
    }),
    lifetime: Duration({
      default: '35d',
      description: 'How long one who has come back is remembered after the last mail.',
    }),
    allowAfter: Type.With(Type.Integer({ minimum: 0 }), {
      default: 5,
      description: 'Successes after which the whole network needs not wait any more; 0 switches that off.',
    }),
    allowFor: Duration({
      default: '35d',
      description: 'How long such a network is remembered after its last mail.',
    }),
    ipv4Prefix: Type.With(Type.Integer({ minimum: 8, maximum: 32 }), {
      default: 24,
      description: 'Bits of an IPv4 address that name its network.',
    }),
    ipv6Prefix: Type.With(Type.Integer({ minimum: 16, maximum: 128 }), {
      default: 64,
      description: 'Bits of an IPv6 address that name its network.',
    }),
    minimumScore: Type.Optional(
      Type.Number({
        description:
          'Greylist only clients with weighted reasons of this sum or more: plugins with `action: score` or a number must stand before.',
      }),
    ),
    trustedNetworks: Type.With(Type.Array(Type.String()), {
      default: [...LOCAL_NETWORKS],
      description: 'Clients that need not wait. Nor do those who have authenticated.',
    }),
    exemptSenders: Type.With(Type.Array(Type.String({ minLength: 1 })), {
      default: [],
      description:
        'Senders that need not wait: `ann@example.org`, `example.org`, `.example.org` for what is below.',
    }),
    exemptRecipients: Type.With(Type.Array(Type.String({ minLength: 1 })), {
      default: ['postmaster@', 'abuse@'],
      description: 'Recipients whose mail need not wait, in the same forms; `postmaster@` in any domain.',
    }),
    entries: Type.With(Type.Integer({ minimum: 100 }), {
      default: 1_000_000,
      description: 'Entries that are remembered (about 150 octets each); those unused for longest go first.',
    }),
    unavailable: Type.With(Type.Union([Type.Literal('pass'), Type.Literal('defer')]), {
      default: 'pass',
      description: 'When the database cannot be used: let mail in without waiting, or let it wait.',
    }),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
