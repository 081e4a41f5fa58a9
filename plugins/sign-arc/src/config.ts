// What the operator may say: the schema, from which the README's table and the type of the settings come.

import { Duration, FilePath, type Static, Type } from '@posthouse/core';

export const ConfigSchema = Type.Object(
  {
    domain: Type.String({ description: 'Who seals: `d=`.' }),
    selector: Type.String({
      pattern: '^[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$',
      maxLength: 63,
      description: 'The name of the key in DNS, `<selector>._domainkey.<domain>`: `s=`.',
    }),
    keyFile: Type.Optional(
      FilePath({
        description:
          'The private key, PEM, as `posthouse dkim keygen` makes it; that of sign-dkim will do. Read again when the file changes.',
      }),
    ),
    key: Type.Optional(
      Type.String({
        description: 'The private key itself, PEM, out of a secret; it counts until the next start.',
      }),
    ),
    reloadEvery: Duration({ default: '1m', description: 'How often the key file is looked at.' }),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
