// What can be configured, with its defaults: the schema behind the README's table.

import { ByteSize, Duration, type Static, Type } from '@posthouse/core';

export const ConfigSchema = Type.Object(
  {
    servers: Type.With(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }), {
      default: ['/run/clamav/clamd.ctl'],
      description:
        'Where clamd listens: a Unix socket, or `host:port`. Of several the next is asked when one cannot be reached.',
    }),
    timeout: Duration({
      default: '9s',
      description:
        "How long one message may take, queueing included. More than `deadlines.hook` needs the plugin entry's `timeout` too.",
    }),
    maxSize: ByteSize({
      default: '25 MiB',
      description: "Largest message that is scanned; not more than clamd's `StreamMaxLength`.",
    }),
    tooLarge: Type.With(Type.Union([Type.Literal('pass'), Type.Literal('defer'), Type.Literal('reject')]), {
      default: 'pass',
      description: 'What becomes of larger ones, and of those that clamd finds too large.',
    }),
    found: Type.With(
      Type.Union([
        Type.Literal('reject'),
        Type.Literal('quarantine'),
        Type.Literal('discard'),
        Type.Literal('note'),
      ]),
      {
        default: 'reject',
        description: 'What becomes of a message with a virus. `note` only says so in a field.',
      },
    ),
    ignore: Type.With(Type.Array(Type.String({ minLength: 1 })), {
      default: [],
      description:
        'Beginnings of the names of signatures that do not count: `PUA.`, `Heuristics.Encrypted.`.',
    }),
    unavailable: Type.With(Type.Union([Type.Literal('defer'), Type.Literal('pass')]), {
      default: 'defer',
      description: 'When no clamd can be reached, takes too long or answers nonsense.',
    }),
    scans: Type.With(Type.Integer({ minimum: 1 }), {
      default: 10,
      description: "Messages that are scanned at a time, as clamd's `MaxThreads`; further ones wait.",
    }),
    field: Type.With(Type.Boolean(), {
      default: true,
      description: 'Write `X-Virus-Scanned` into what was scanned, and remove such fields that came along.',
    }),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
