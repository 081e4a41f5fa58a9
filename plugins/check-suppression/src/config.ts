// What the operator may say: the schema, from which the README's table and the type of the settings come.

import { Duration, FilePath, type Static, Type } from '@posthouse/core';

/** The classes that may condemn an address. `policy` is not among them: it is what the list itself answers with. */
const CLASSES = [
  'no-mailbox',
  'inactive',
  'no-domain',
  'quota',
  'reputation',
  'spam',
  'content',
  'authentication',
] as const;

export const ConfigSchema = Type.Object(
  {
    path: FilePath({
      description: 'The list, an SQLite database on a local disk. Made when it is not there.',
    }),
    ownDomains: Type.With(Type.Array(Type.String()), {
      default: [],
      description:
        'Our own domains: failures of their addresses never count, so that a mailbox that is missing for an hour is not locked out.',
    }),
    classes: Type.With(Type.Array(Type.Union(CLASSES.map((name) => Type.Literal(name)))), {
      default: ['no-mailbox', 'inactive', 'no-domain'],
      description: 'The classes of failures that count (core/docs/bounce-classes.md).',
    }),
    failures: Type.With(Type.Integer({ minimum: 1, maximum: 100 }), {
      default: 2,
      description: 'So many failures put an address on the list. Failures within an hour count as one.',
    }),
    within: Duration({ default: '30d', description: 'The time in which they must happen.' }),
    keep: Duration({ default: '180d', description: 'How long an address stays on the list.' }),
    feedback: Type.With(Type.Union([Type.Literal('verified'), Type.Literal('any'), Type.Literal('none')]), {
      default: 'verified',
      description:
        'Which of the bounces and complaints count that observe-feedback reads: anybody can write one, so by default only those that come to a return address of ours.',
    }),
    refuseAtRcpt: Type.With(Type.Boolean(), {
      default: true,
      description:
        'Refuse at RCPT. With `false` the mail is taken, and the sender gets a notice; what aliases lead to always is.',
    }),
    maxAddresses: Type.With(Type.Integer({ minimum: 100, maximum: 10_000_000 }), {
      default: 500_000,
      description:
        'Addresses on the list, and addresses with failures; the oldest go first. What you add stays.',
    }),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
