// What can be configured, with its defaults: the schema behind the README's table.

import { ByteSize, type Static, Type } from '@posthouse/core';

const ruled = (standard: 'off' | 'note' | 'reject', description: string) =>
  Type.With(Type.Union([Type.Literal('off'), Type.Literal('note'), Type.Literal('reject')]), {
    default: standard,
    description,
  });
const bound = (standard: number, description: string) =>
  Type.With(Type.Integer({ minimum: 1 }), { default: standard, description });

export const ConfigSchema = Type.Object(
  {
    'missing-from': ruled('note', 'There is no From field.'),
    'missing-date': ruled('note', 'There is no Date field.'),
    'missing-message-id': ruled('note', 'There is no Message-ID field, which should be there.'),
    'missing-sender': ruled('note', 'From has several authors, and there is no Sender.'),
    repeated: ruled(
      'reject',
      'A field stands twice that may stand once (Date, From, Sender, Reply-To, To, Cc, Bcc, Message-ID, In-Reply-To, References, Subject): readers differ on which of them counts.',
    ),
    malformed: ruled(
      'reject',
      'A line is no field and continues none: readers differ on where the body begins.',
    ),
    'eight-bit': ruled('note', 'Octets beyond ASCII, where SMTPUTF8 was not asked for.'),
    'long-line': ruled('reject', 'A line longer than `maxLine`.'),
    'header-size': ruled('reject', 'A header section larger than `maxSize`.'),
    fields: ruled('reject', 'More fields than `maxFields`.'),
    parts: ruled('reject', 'More parts than `maxParts`.'),
    depth: ruled('reject', 'Parts deeper inside each other than `maxDepth`.'),
    maxLine: bound(998, 'Octets of a line, without its CRLF.'),
    maxSize: ByteSize({
      default: '128 KiB',
      description: 'Octets of the header section. `limits.headerSize` holds too.',
    }),
    maxFields: bound(500, 'Header fields. `limits.headerFields` holds too.'),
    maxParts: bound(500, 'Parts of a message, those inside parts included. `limits.mimeParts` holds too.'),
    maxDepth: bound(20, 'How deep parts may lie in each other. `limits.mimeDepth` holds too.'),
    weight: Type.With(Type.Number(), {
      default: 1,
      description: 'What each fault that is noted counts for `check-score`; 0 for nothing.',
    }),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
