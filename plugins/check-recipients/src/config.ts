// What can be configured, with its defaults: the schema behind the README's table.

import { Duration, FilePath, type Static, Type } from '@posthouse/core';

const closed = { additionalProperties: false } as const;

const File = Type.Object(
  {
    path: FilePath({ description: 'Read at the start, and again within five seconds of a change.' }),
    format: Type.With(Type.Union([Type.Literal('list'), Type.Literal('map'), Type.Literal('passwd')]), {
      default: 'list',
      description:
        'How it is written: one address a line; the keys of a Postfix map (`address  whatever`); passwd(5), whose users have mailboxes in all domains. `@example.org` stands for every address there.',
    }),
    minimumUid: Type.With(Type.Integer({ minimum: 0 }), {
      default: 1000,
      description: 'Of a passwd file: users with a smaller uid have no mailbox.',
    }),
  },
  closed,
);

const Http = Type.Object(
  {
    url: Type.String({
      pattern: '^https?://',
      description:
        'What is fetched: `{address}`, `{local}` and `{domain}` in it stand for the parts, percent-encoded.',
    }),
    method: Type.With(Type.Union([Type.Literal('GET'), Type.Literal('HEAD')]), {
      default: 'GET',
      description: 'How it is fetched.',
    }),
    headers: Type.With(Type.Record(Type.String(), Type.String()), {
      default: {},
      description: 'Header fields of each request: a secret for the service, say.',
    }),
    known: Type.With(Type.Array(Type.Integer({ minimum: 200, maximum: 599 }), { minItems: 1 }), {
      default: [200, 204],
      description: 'Statuses of a mailbox that is there.',
    }),
    unknown: Type.With(Type.Array(Type.Integer({ minimum: 200, maximum: 599 }), { minItems: 1 }), {
      default: [404, 410],
      description: 'Statuses of one that is not. Every other status is no answer.',
    }),
  },
  closed,
);

const Ldap = Type.Object(
  {
    url: Type.String({
      pattern: '^ldaps?://',
      description: 'The server: `ldap://host:389`, `ldaps://host`.',
    }),
    startTls: Type.With(Type.Boolean(), {
      default: false,
      description: 'Asks an `ldap:` server for TLS first.',
    }),
    caFile: Type.Optional(
      FilePath({
        description:
          'The certificates of the CAs (PEM) that may vouch for the server with `ldaps:` and `startTls`. Default: those of the system.',
      }),
    ),
    bindDn: Type.With(Type.String(), {
      default: '',
      description: 'Who asks; without it, nobody in particular.',
    }),
    password: Type.With(Type.String(), { default: '', description: 'The password of `bindDn`.' }),
    base: Type.String({ description: 'Where the search begins.' }),
    scope: Type.With(Type.Union([Type.Literal('base'), Type.Literal('one'), Type.Literal('sub')]), {
      default: 'sub',
      description: 'How deep it goes.',
    }),
    filter: Type.With(Type.String(), {
      default: '(mail={address})',
      description:
        'An entry that it finds is a mailbox. `{address}`, `{local}` and `{domain}` stand for the parts, escaped (RFC 4515).',
    }),
  },
  closed,
);

const Sql = Type.Object(
  {
    postgresql: Type.Optional(
      Type.String({ description: 'Where the database is: `postgres://user:password@host/name`.' }),
    ),
    sqlite: Type.Optional(
      FilePath({ description: 'Or the file of an SQLite database, which is only read.' }),
    ),
    query: Type.String({
      description:
        'A row that it finds is a mailbox. `{address}`, `{local}` and `{domain}` become bound parameters: no quotes around them.',
    }),
    connections: Type.With(Type.Integer({ minimum: 1 }), {
      default: 4,
      description: 'Connections to PostgreSQL at a time.',
    }),
  },
  closed,
);

const NextHop = Type.Object(
  {
    protocol: Type.With(Type.Union([Type.Literal('smtp'), Type.Literal('lmtp')]), {
      default: 'smtp',
      description: 'What it speaks.',
    }),
    host: Type.Optional(Type.String({ description: 'Its name or address.' })),
    port: Type.With(Type.Integer({ minimum: 1, maximum: 65_535 }), {
      default: 25,
      description: 'Its port; 24 for most LMTP servers.',
    }),
    socket: Type.Optional(FilePath({ description: 'Or its Unix socket.' })),
    tls: Type.With(
      Type.Union([
        Type.Literal('may'),
        Type.Literal('none'),
        Type.Literal('encrypt'),
        Type.Literal('verify'),
      ]),
      {
        default: 'may',
        description:
          '`may`: STARTTLS where offered, in clear where not; `encrypt`: never in clear; `verify`: never in clear, and only to a server with a valid certificate for `host`. A Unix socket is always in clear.',
      },
    ),
    caFile: Type.Optional(
      FilePath({
        description:
          'With `verify`: the certificates of the CAs (PEM) that count. Default: those of the system.',
      }),
    ),
    sender: Type.With(Type.String(), {
      default: '',
      description: 'In MAIL; the null sender, which nobody may refuse, unless it must be another.',
    }),
  },
  closed,
);

export const ConfigSchema = Type.Object(
  {
    domains: Type.Array(Type.String(), {
      minItems: 1,
      description: 'The domains whose mailboxes are looked up.',
    }),
    accepts: Type.With(Type.Boolean(), {
      default: true,
      description: 'A known mailbox is accepted, so that no other plugin has to open the house for it.',
    }),
    claimed: Type.With(Type.Union([Type.Literal('ask'), Type.Literal('pass')]), {
      default: 'ask',
      description:
        'What becomes of recipients that another plugin has accepted: looked up too, or let through (aliases of route-aliases).',
    }),
    recipientDelimiter: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1,
        description: 'With `+`, `info` is looked up for `info+anything`.',
      }),
    ),
    file: Type.Optional(Type.With(File, { description: 'A file of mailboxes.' })),
    sql: Type.Optional(Type.With(Sql, { description: 'A database.' })),
    ldap: Type.Optional(Type.With(Ldap, { description: 'A directory.' })),
    http: Type.Optional(Type.With(Http, { description: 'A web service.' })),
    nextHop: Type.Optional(
      Type.With(NextHop, {
        description: 'The server that the mail goes to: it is asked by MAIL and RCPT, and gets no message.',
      }),
    ),
    unanswered: Type.With(Type.Union([Type.Literal('defer'), Type.Literal('pass')]), {
      default: 'defer',
      description: 'When no source can tell: the client comes back, or the recipient is taken as known.',
    }),
    timeout: Duration({ default: '5s', description: 'How long a source may take. Below `deadlines.hook`.' }),
    requests: Type.With(Type.Integer({ minimum: 1 }), {
      default: 20,
      description: 'Questions to a source at a time; whoever comes beyond has no answer.',
    }),
    knownFor: Duration({ default: '10m', description: 'How long a mailbox is known without asking again.' }),
    unknownFor: Duration({ default: '1m', description: 'And how long one is unknown.' }),
    staleFor: Duration({
      default: '1d',
      description: 'How long a mailbox that was known still is while no source answers.',
    }),
    cacheSize: Type.With(Type.Integer({ minimum: 1 }), {
      default: 20_000,
      description: 'Answers that are remembered; the oldest go first.',
    }),
  },
  closed,
);

export type Config = Static<typeof ConfigSchema>;
export type FileConfig = Static<typeof File>;
export type HttpConfig = Static<typeof Http>;
export type LdapConfig = Static<typeof Ldap>;
export type SqlConfig = Static<typeof Sql>;
export type NextHopConfig = Static<typeof NextHop>;
