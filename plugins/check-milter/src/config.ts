// What can be configured, with its defaults: the schema behind the README's table.

import { ByteSize, Duration, type Static, Type } from '@posthouse/core';

const Unavailable = Type.Union([Type.Literal('defer'), Type.Literal('pass'), Type.Literal('reject')]);
const From = Type.Union([Type.Literal('connect'), Type.Literal('mail'), Type.Literal('data')]);
const namesAt = (when: string) =>
  Type.Optional(
    Type.Array(Type.String({ pattern: '^(?:[!-~]|\\{[!-z|~]{1,60}\\})$' }), {
      description: `Told ${when}.`,
    }),
  );

export const ConfigSchema = Type.Object(
  {
    milters: Type.Array(
      Type.Object(
        {
          at: Type.String({
            minLength: 1,
            description:
              'Where it listens: `/path`, `unix:/path`, `host:port`, or `inet:port@host` as milters write it.',
          }),
          name: Type.Optional(
            Type.String({
              pattern: '^[A-Za-z0-9_-]{1,40}$',
              description: 'What reasons and log lines call it. Default: `milter1`, `milter2`…',
            }),
          ),
          unavailable: Type.Optional(
            Type.With(Unavailable, { description: 'As for all, but for this milter alone.' }),
          ),
          from: Type.Optional(Type.With(From, { description: 'As for all, but for this milter alone.' })),
          actions: Type.Optional(
            Type.Array(
              Type.Union([
                Type.Literal('add-headers'),
                Type.Literal('change-headers'),
                Type.Literal('change-body'),
                Type.Literal('add-recipients'),
                Type.Literal('delete-recipients'),
                Type.Literal('change-sender'),
                Type.Literal('quarantine'),
              ]),
              {
                description: 'All that it may ask for. Default: everything. One that needs more is not used.',
              },
            ),
          ),
        },
        { additionalProperties: false },
      ),
      {
        minItems: 1,
        maxItems: 20,
        description: 'The milters, asked in this order: each sees what those before it changed.',
      },
    ),
    unavailable: Type.With(Unavailable, {
      default: 'defer',
      description: 'When a milter cannot be reached, takes too long or answers nonsense.',
    }),
    from: Type.With(From, {
      default: 'connect',
      description:
        'When a milter hears of a session: at once, at its first MAIL, or with a whole message. Later costs less for clients that send nothing, and answers later.',
    }),
    connectTimeout: Duration({
      default: '3s',
      description:
        "How long the connection, the negotiation and the answer to the client's address may take.",
    }),
    commandTimeout: Duration({
      default: '4s',
      description: 'How long the answers to HELO and MAIL together, and to each RCPT, may take.',
    }),
    contentTimeout: Duration({
      default: '9s',
      description:
        "How long a message may take, from its first field to the verdict; progress that a milter tells of begins it anew. More than `deadlines.hook` needs the plugin entry's `timeout` too.",
    }),
    connections: Type.With(Type.Integer({ minimum: 1 }), {
      default: 1000,
      description: 'Connections to one milter at a time; beyond them it counts as unavailable.',
    }),
    replacedBody: ByteSize({
      default: '50 MiB',
      description: 'Largest body that a milter may put in place of the old one. It is kept in memory.',
    }),
    macros: Type.Optional(
      Type.Object(
        {
          connect: namesAt("with the client's address"),
          helo: namesAt('with HELO'),
          mail: namesAt('with MAIL'),
          rcpt: namesAt('with each RCPT'),
          data: namesAt('with DATA'),
          eoh: namesAt('behind the last field'),
          eom: namesAt('at the end of the message'),
        },
        {
          additionalProperties: false,
          description:
            'Macros told in each stage instead of the usual ones. A milter that names its own gets those.',
        },
      ),
    ),
    values: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description:
          "Values of macros that are fixed, or not known here: `{daemon_name}: ORIGINATING`. The listener's name is the daemon's otherwise.",
      }),
    ),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
