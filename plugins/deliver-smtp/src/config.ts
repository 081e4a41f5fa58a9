// What the operator may say: the schema, from which the README's table and the type of the settings come.

import { Duration, type Static, Type } from '@posthouse/core';

export const ConfigSchema = Type.Object(
  {
    domains: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Only these domains are claimed; `.example.org` stands for all below it. Default: all.',
      }),
    ),
    smarthost: Type.Optional(
      Type.String({ description: 'The next hop for whatever has no route of its own. Default: by MX.' }),
    ),
    routes: Type.With(Type.Record(Type.String(), Type.String()), {
      default: {},
      description: 'Next hops by domain; `.example.org` stands for all below it.',
    }),
    port: Type.With(Type.Integer({ minimum: 1, maximum: 65_535 }), {
      default: 25,
      description: 'The port where a next hop names none.',
    }),
    helo: Type.Optional(
      Type.String({ pattern: '^[!-~]+$', description: 'Our name in EHLO. Default: the hostname.' }),
    ),
    addressFamily: Type.With(
      Type.Union([
        Type.Literal('any'),
        Type.Literal('ipv4'),
        Type.Literal('ipv6'),
        Type.Literal('ipv4-first'),
        Type.Literal('ipv6-first'),
      ]),
      {
        default: 'any',
        description: 'Which addresses of a host are tried, and which first; `any` leaves it to chance.',
      },
    ),
    tls: Type.With(Type.Union([Type.Literal('may'), Type.Literal('none'), Type.Literal('encrypt')]), {
      default: 'may',
      description:
        '`may`: STARTTLS where offered, in clear where not; `encrypt`: never in clear. Nothing is verified.',
    }),
    connectTimeout: Duration({ default: '30s', description: 'A TCP connection, and a TLS handshake.' }),
    greetingTimeout: Duration({
      default: '5m',
      description: 'The greeting and the replies to EHLO and STARTTLS.',
    }),
    mailTimeout: Duration({ default: '5m', description: 'The reply to MAIL, and to RSET.' }),
    rcptTimeout: Duration({ default: '5m', description: 'The reply to RCPT.' }),
    dataTimeout: Duration({ default: '2m', description: 'The reply to DATA.' }),
    blockTimeout: Duration({ default: '3m', description: 'A block of the message to be taken.' }),
    finalTimeout: Duration({ default: '10m', description: 'The reply to the end of the message.' }),
    maxConnectionsPerHost: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Open connections to one address, whatever the domains.' }),
    ),
    idleTimeout: Duration({
      default: '5s',
      description: 'How long a connection is kept for the next message.',
    }),
    messagesPerConnection: Type.With(Type.Integer({ minimum: 1 }), {
      default: 100,
      description: 'Then the connection is closed.',
    }),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
