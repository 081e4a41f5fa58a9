// What the operator may say: the schema, from which the README's table and the type of the settings come.

import { Duration, FilePath, type Static, Type } from '@posthouse/core';

const closed = { additionalProperties: false } as const;

const KeySchema = Type.Object(
  {
    domain: Type.String({ description: 'The domain that signs: `d=`.' }),
    selector: Type.String({
      pattern: '^[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$',
      maxLength: 63,
      description: 'The name of the key in DNS, `<selector>._domainkey.<domain>`: `s=`.',
    }),
    keyFile: Type.Optional(
      FilePath({ description: 'The private key, PEM. Read again when the file changes.' }),
    ),
    key: Type.Optional(
      Type.String({
        description: 'The private key itself, PEM, out of a secret; it counts until the next start.',
      }),
    ),
    subdomains: Type.With(Type.Boolean(), {
      default: false,
      description: 'Sign for the domains below, too, which have no key of their own (relaxed alignment).',
    }),
  },
  closed,
);
export type KeyConfig = Static<typeof KeySchema>;

/** RFC 6376 §5.4.1, and what has come into use since. */
const SIGNED = [
  'from',
  'sender',
  'reply-to',
  'subject',
  'date',
  'message-id',
  'to',
  'cc',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
  'content-disposition',
  'in-reply-to',
  'references',
  'resent-date',
  'resent-from',
  'resent-to',
  'resent-cc',
  'resent-message-id',
  'list-id',
  'list-help',
  'list-unsubscribe',
  'list-unsubscribe-post',
  'list-subscribe',
  'list-post',
  'list-owner',
  'list-archive',
  'auto-submitted',
];
/** What shows, or changes how the body is read; left out is what relays add where it is missing (Date, Message-ID). */
const OVERSIGNED = [
  'from',
  'reply-to',
  'subject',
  'to',
  'cc',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
];

const FieldNames = (description: string, names: string[]) =>
  Type.With(Type.Array(Type.String({ pattern: '^[!-9;-~]+$' }), { uniqueItems: true }), {
    default: names,
    description,
  });

export const ConfigSchema = Type.Object(
  {
    keys: Type.Array(KeySchema, {
      minItems: 1,
      description:
        'The keys. All that stand for a domain sign, each with a signature of its own: RSA and Ed25519 together, say.',
    }),
    when: Type.With(
      Type.Object(
        {
          authenticated: Type.With(Type.Boolean(), {
            default: true,
            description: 'Messages of authenticated clients.',
          }),
          networks: Type.With(Type.Array(Type.String()), {
            default: [],
            description: 'Messages from these addresses and networks: `127.0.0.0/8`, `::1`.',
          }),
          listeners: Type.With(Type.Array(Type.String()), {
            default: [],
            description: 'Whatever comes by these listeners.',
          }),
        },
        closed,
      ),
      {
        default: {},
        description: 'Which messages are ours to sign: those for which one of the three holds.',
      },
    ),
    domainOf: Type.With(
      Type.Union([Type.Literal('from'), Type.Literal('sender'), Type.Literal('from-or-sender')]),
      {
        default: 'from',
        description:
          'Whose domain chooses the keys: that of the From field, for which alone DMARC counts a signature, of the envelope sender, or of the sender where From has no key.',
      },
    ),
    also: Type.With(Type.Array(Type.String()), {
      default: [],
      description: 'Domains of `keys` that sign every message besides: that of the provider, say.',
    }),
    canonicalization: Type.With(
      Type.Union([
        Type.Literal('relaxed/relaxed'),
        Type.Literal('relaxed/simple'),
        Type.Literal('simple/relaxed'),
        Type.Literal('simple/simple'),
      ]),
      {
        default: 'relaxed/relaxed',
        description: 'How much white space may change on the way, in the header section and in the body.',
      },
    ),
    headers: FieldNames('The fields that are signed, all that there are of each. `from` is always.', SIGNED),
    oversign: FieldNames(
      'Those of them that are named once more than they occur, so that nobody can add one.',
      OVERSIGNED,
    ),
    expire: Type.Optional(Duration({ description: 'How long a signature counts: `x=`. Default: for ever.' })),
    reloadEvery: Duration({ default: '1m', description: 'How often the key files are looked at.' }),
  },
  closed,
);

export type Config = Static<typeof ConfigSchema>;
