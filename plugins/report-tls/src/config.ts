// What the operator may say: the schema, from which the README's table and the type of the settings come.

import { ByteSize, Duration, FilePath, type Static, Type } from '@posthouse/core';

export const ConfigSchema = Type.Object(
  {
    path: FilePath({
      description: 'The folder where results are kept until they are reported. Made when it is not there.',
    }),
    organization: Type.String({ minLength: 1, description: 'Who reports: `organization-name`.' }),
    from: Type.String({
      description:
        'The address that reports come from, and to which questions go (`contact-info`). Receivers ask for a DKIM signature of its domain.',
    }),
    exclude: Type.With(Type.Array(Type.String()), {
      default: [],
      description: 'Domains that get no report, and those below them.',
    }),
    spread: Duration({
      default: '4h',
      description:
        'Reports of a day leave within this time after it, so that not everybody reports at midnight (RFC 8460 §4.1).',
    }),
    flushEvery: Duration({
      default: '1m',
      description: 'How often results go to the disk: so much is lost when the machine fails.',
    }),
    daySize: ByteSize({
      default: '64 MiB',
      description: 'The most that is kept of one day; what comes then is not reported.',
    }),
    failures: Type.With(Type.Integer({ minimum: 1 }), {
      default: 1000,
      description: 'The most kinds of failures that one report tells of; of what comes then only the number.',
    }),
    domains: Type.With(Type.Integer({ minimum: 1 }), {
      default: 10_000,
      description: 'The most domains that are reported to for one day.',
    }),
    postTimeout: Duration({
      default: '30s',
      description: 'How long an HTTPS server may take for a report.',
    }),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
