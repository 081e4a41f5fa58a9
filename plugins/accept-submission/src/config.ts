// What can be configured, with its defaults: the schema behind the README's table.

import { FilePath, type Static, Type } from '@posthouse/core';

const count = Type.Integer({ minimum: 0 });
const ownCount = Type.Optional(Type.Integer({ minimum: 0, description: 'In the place of the general one.' }));

export const ConfigSchema = Type.Object(
  {
    requireAuth: Type.With(Type.Boolean(), {
      default: true,
      description:
        'Refuse clients at MAIL that have not authenticated (RFC 6409 §4.3). `false` where the same listener takes mail from other servers.',
    }),
    trustedNetworks: Type.With(Type.Array(Type.String()), {
      default: [],
      description:
        'Addresses and networks in CIDR form whose clients need not authenticate, and may send as anybody: `127.0.0.1`, `10.1.2.0/24`.',
    }),
    senders: Type.With(Type.Array(Type.String({ minLength: 1 })), {
      default: ['{user}'],
      description:
        "Addresses from which every user may send: `{user}` where the user's name is an address, `{user}@example.org`, `*@example.org`, `ann@example.org`, `*`.",
    }),
    users: Type.Optional(
      Type.Record(Type.String(), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }), {
        description: 'Further senders by user.',
      }),
    ),
    file: Type.Optional(
      FilePath({
        description:
          'A file of `user: sender, sender` lines, which adds to `users`. Read at the start and again when it has changed.',
      }),
    ),
    recipientDelimiter: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1,
        description: 'With `+`, who may send as `ann@…` may send as `ann+anything@…`.',
      }),
    ),
    nullSender: Type.With(Type.Union([Type.Literal('accept'), Type.Literal('reject')]), {
      default: 'accept',
      description:
        'The null sender `<>`, with which mail programs send read receipts (RFC 8098 §3). The From field is held to the same rule.',
    }),
    headerFrom: Type.With(
      Type.Union([
        Type.Literal('reject'),
        Type.Literal('add-sender'),
        Type.Literal('note'),
        Type.Literal('ignore'),
      ]),
      {
        default: 'reject',
        description:
          "A From or Sender field that is not the user's: refused; let through with the envelope's sender as Sender (RFC 6409 §8.1); noted and logged; not looked at.",
      },
    ),
    singleLabelDomains: Type.With(Type.Array(Type.String()), {
      default: [],
      description:
        'Domains that are complete without a dot, such as `localhost`. All others are refused as not fully qualified (RFC 6409 §4.2).',
    }),
    removeBcc: Type.With(Type.Boolean(), {
      default: true,
      description: 'Remove the Bcc field, which no recipient should see (RFC 5322 §3.6.3).',
    }),
    messagesPerHour: Type.With(count, {
      default: 500,
      description: 'Messages that one user may send within an hour; 0 is no limit.',
    }),
    messagesPerDay: Type.With(count, { default: 2_000, description: 'The same within 24 hours.' }),
    recipientsPerHour: Type.With(count, {
      default: 1_000,
      description: 'Recipients of these messages within an hour; 0 is no limit.',
    }),
    recipientsPerDay: Type.With(count, { default: 5_000, description: 'The same within 24 hours.' }),
    userLimits: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Object(
          {
            messagesPerHour: ownCount,
            messagesPerDay: ownCount,
            recipientsPerHour: ownCount,
            recipientsPerDay: ownCount,
          },
          { additionalProperties: false },
        ),
        { description: 'Other limits for single users, under the same four names.' },
      ),
    ),
    trackedUsers: Type.With(Type.Integer({ minimum: 1 }), {
      default: 10_000,
      description: 'Users whose sending is remembered; beyond it, who has not sent for longest is forgotten.',
    }),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
