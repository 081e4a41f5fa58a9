// What can be configured, with its defaults: the schema behind the README's table.

import { FilePath, type Static, Type } from '@posthouse/core';

const RuleSchema = Type.Object(
  {
    of: Type.Union(
      [
        Type.Literal('client'),
        Type.Literal('country'),
        Type.Literal('helo'),
        Type.Literal('sender'),
        Type.Literal('recipient'),
        Type.Literal('header'),
      ],
      { description: 'What is looked up.' },
    ),
    file: Type.Optional(FilePath({ description: 'Where the entries are.' })),
    entries: Type.Optional(Type.Array(Type.String(), { description: 'Entries, in the place of a file.' })),
    format: Type.Optional(
      Type.Union([Type.Literal('list'), Type.Literal('access'), Type.Literal('cidr')], {
        description: 'How the entries are written: one a line, Postfix access(5), Postfix cidr_table(5).',
      }),
    ),
    action: Type.Optional(
      Type.String({
        description: 'What follows for an entry of a `list`, as in access(5); default `REJECT`.',
      }),
    ),
    header: Type.Optional(
      Type.String({ pattern: '^[!-9;-~]+$', description: 'The field that `of: header` looks at.' }),
    ),
    database: Type.Optional(
      FilePath({
        description: 'For `of: country`: a CSV of `network,country` or `first,last,country` lines.',
      }),
    ),
  },
  { additionalProperties: false },
);

export type RuleEntry = Static<typeof RuleSchema>;

export const ConfigSchema = Type.Object(
  {
    rules: Type.Array(RuleSchema, {
      minItems: 1,
      description:
        'Asked in this order, and the first that knows decides: objects with `of`, `file` or `entries`, `format`, `action` (below).',
    }),
    recipientDelimiter: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1,
        description: 'With `+`, an entry for `ann@…` is one for `ann+anything@…` too.',
      }),
    ),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
