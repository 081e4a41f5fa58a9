// What can be configured, with its defaults: the schema behind the README's table.

import { ByteSize, Duration, type Static, Type } from '@posthouse/core';

export const ConfigSchema = Type.Object(
  {
    url: Type.With(Type.String({ pattern: '^https?://|^unix:/' }), {
      default: 'http://127.0.0.1:11333',
      description: "Rspamd's normal worker or proxy: `http://host:11333`, or `unix:/run/rspamd/worker.sock`.",
    }),
    password: Type.Optional(Type.String({ description: 'Where rspamd wants one.' })),
    timeout: Duration({
      default: '9s',
      description:
        "How long one message may take. More than `deadlines.hook` needs the plugin entry's `timeout` too.",
    }),
    maxSize: ByteSize({ default: '50 MiB', description: 'Larger messages pass without being looked at.' }),
    scans: Type.With(Type.Integer({ minimum: 1 }), {
      default: 20,
      description: 'Messages that are looked at a time; further ones wait.',
    }),
    reject: Type.With(
      Type.Union([Type.Literal('reject'), Type.Literal('quarantine'), Type.Literal('discard')]),
      {
        default: 'reject',
        description: 'What the action "reject" means.',
      },
    ),
    greylist: Type.With(Type.Union([Type.Literal('pass'), Type.Literal('defer')]), {
      default: 'pass',
      description:
        'What the action "greylist" means. Rspamd\'s own greylisting says "soft reject" when a client has to wait.',
    }),
    action: Type.With(Type.Union([Type.Literal('follow'), Type.Literal('score')]), {
      default: 'follow',
      description: "Do what rspamd says, or leave its score to `check-score` as one weight among others'.",
    }),
    milterHeaders: Type.With(Type.Boolean(), {
      default: true,
      description: 'Add and remove the header fields that rspamd asks for (its module `milter_headers`).',
    }),
    spamField: Type.With(Type.String({ pattern: '^[!-9;-~]+$' }), {
      default: 'X-Spam',
      description: 'The field that gets "Yes" for "add header"; those that come along are removed.',
    }),
    subject: Type.With(Type.String({ minLength: 1 }), {
      default: '***SPAM*** %s',
      description: 'For "rewrite subject" where rspamd gives none; `%s` is the old one.',
    }),
    unavailable: Type.With(Type.Union([Type.Literal('defer'), Type.Literal('pass')]), {
      default: 'defer',
      description: 'When rspamd cannot be reached, takes too long or answers nonsense.',
    }),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
