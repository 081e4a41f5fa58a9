// What the operator may say: the schema, from which the README's table and the type of the settings come.

import { ByteSize, Duration, FilePath, type Static, Type } from '@posthouse/core';

export const ConfigSchema = Type.Object(
  {
    domains: Type.Array(Type.String(), { minItems: 1, description: 'The domains whose mail goes there.' }),
    url: Type.String({
      pattern: '^https?://',
      description: 'Where messages are posted. `http` is for endpoints on the same machine.',
    }),
    format: Type.With(Type.Union([Type.Literal('raw'), Type.Literal('json'), Type.Literal('parsed')]), {
      default: 'raw',
      description:
        '`raw`: the message itself, message/rfc822; `json`: header fields and the message in base64; `parsed`: header fields, text, HTML and attachments.',
    }),
    recipientsPerRequest: Type.With(Type.Integer({ minimum: 1, maximum: 50 }), {
      default: 50,
      description: 'Recipients that share a request and its answer. With 1, each recipient has its own.',
    }),
    secret: Type.Optional(
      Type.String({
        minLength: 16,
        description: 'The key of the signature. Default: requests are unsigned.',
      }),
    ),
    headers: Type.With(
      Type.Record(Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" }), Type.String()),
      {
        default: {},
        description: 'Fields that every request carries, `authorization` for one.',
      },
    ),
    ca: Type.Optional(
      FilePath({
        description: 'Certificates (PEM) that the endpoint may be signed by. Default: those of Node.js.',
      }),
    ),
    silence: Duration({
      default: '60s',
      description: 'How long nothing may move: no connection, no octet taken, no answer.',
    }),
    maxSize: ByteSize({
      default: '50 MiB',
      description: 'Larger messages fail with 5.3.4 and are not sent.',
    }),
    concurrency: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'Deliveries that run at a time. Default: `delivery.laneConcurrency` of the server.',
      }),
    ),
    idleTimeout: Duration({
      default: '5s',
      description: 'How long a connection is kept for the next message.',
    }),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
