// What can be configured, with its defaults: the schema behind the README's table.

import { ByteSize, Duration, LOCAL_NETWORKS, type Static, Type } from '@posthouse/core';

const ZoneSchema = Type.Object(
  {
    zone: Type.String({ minLength: 1, description: 'The name of the list: `zen.spamhaus.org`.' }),
    of: Type.Optional(
      Type.Array(
        Type.Union([
          Type.Literal('address'),
          Type.Literal('helo'),
          Type.Literal('sender'),
          Type.Literal('link'),
        ]),
        {
          minItems: 1,
          description:
            "What it lists: clients' addresses (default), the domains of HELO or of senders, or what messages link to.",
        },
      ),
    ),
    weight: Type.Optional(
      Type.Number({
        description:
          'What a listing counts; default 1. Negative for a list of those who are known to be good.',
      }),
    ),
    answers: Type.Optional(
      Type.Record(Type.String(), Type.Number(), {
        description:
          'Which answers are listings, and what each counts: `127.0.0.2-11`, `127.0.*.3`, `127.0.0.&8` for a bit. Default: all.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const ConfigSchema = Type.Object(
  {
    zones: Type.Array(Type.Union([Type.String({ minLength: 1 }), ZoneSchema]), {
      minItems: 1,
      description: 'The lists: names, or objects with `zone`, `of`, `weight` and `answers` (below).',
    }),
    threshold: Type.With(Type.Number({ exclusiveMinimum: 0 }), {
      default: 1,
      description: 'The sum of weights from which a client is refused.',
    }),
    action: Type.With(Type.Union([Type.Literal('reject'), Type.Literal('defer'), Type.Literal('score')]), {
      default: 'reject',
      description: 'Refuse for good, refuse for now, or leave the weights to `check-score`.',
    }),
    unanswered: Type.With(Type.Union([Type.Literal('pass'), Type.Literal('defer')]), {
      default: 'pass',
      description:
        'When a list gives no answer and the others do not suffice: go on without it, or have the client come back.',
    }),
    timeout: Duration({ default: '5s', description: 'How long a list may take.' }),
    keep: Duration({ default: '5m', description: 'How long an answer is remembered.' }),
    remembered: Type.With(Type.Integer({ minimum: 1 }), {
      default: 20_000,
      description: 'Answers that are remembered; the oldest go first.',
    }),
    explain: Type.With(Type.Boolean(), {
      default: true,
      description: 'Ask the list that weighs most for its text (TXT), and give it to the client.',
    }),
    links: Type.With(Type.Integer({ minimum: 1, maximum: 200 }), {
      default: 20,
      description: 'Domains that a message links to and lists of links are asked about: the first ones.',
    }),
    linksWithin: ByteSize({
      default: '512 KiB',
      description: 'Octets of a message, from its beginning, that are looked through for links.',
    }),
    ignoredLinks: Type.With(Type.Array(Type.String({ minLength: 1 })), {
      default: [],
      description: 'Domains that are not asked about: your own, those that everybody links to.',
    }),
    trustedNetworks: Type.With(Type.Array(Type.String()), {
      default: [...LOCAL_NETWORKS],
      description: 'Clients that are never asked about. Nor are those who have authenticated.',
    }),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
