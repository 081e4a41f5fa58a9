// What the operator may say: the schema, from which the README's table and the type of the settings come.

import { FilePath, type Static, Type } from '@posthouse/core';
import { poolProperties, timeoutProperties } from '@posthouse/core/client';

export const ConfigSchema = Type.Object(
  {
    domains: Type.Array(Type.String(), { minItems: 1, description: 'The domains whose mail goes there.' }),
    socket: Type.Optional(
      FilePath({ description: 'The Unix socket of the LMTP server. Either this or `host`.' }),
    ),
    host: Type.Optional(
      Type.String({ minLength: 1, description: 'The name or address of the LMTP server.' }),
    ),
    port: Type.With(Type.Integer({ minimum: 1, maximum: 65_535 }), {
      default: 24,
      description: 'The port of the LMTP server, with `host`.',
    }),
    recipientDelimiter: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1,
        description: 'With `+`, the server hears `info@…` where the mail is for `info+anything@…`.',
      }),
    ),
    helo: Type.Optional(
      Type.String({ pattern: '^[!-~]+$', description: 'Our name in LHLO. Default: the hostname.' }),
    ),
    tls: Type.With(Type.Union([Type.Literal('may'), Type.Literal('none'), Type.Literal('encrypt')]), {
      default: 'may',
      description:
        '`may`: STARTTLS where offered, in clear where not; `encrypt`: never in clear. Nothing is verified. A Unix socket is always in clear.',
    }),
    ...timeoutProperties,
    ...poolProperties,
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
