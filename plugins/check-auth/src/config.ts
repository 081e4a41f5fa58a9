// What the operator may say: the schema, from which the README's table and the type of the settings come.

import { Duration, type Static, Type } from '@posthouse/core';

const closed = { additionalProperties: false } as const;

const Action = (preset: 'note' | 'reject' | 'quarantine', description: string) =>
  Type.With(Type.Union([Type.Literal('note'), Type.Literal('quarantine'), Type.Literal('reject')]), {
    default: preset,
    description,
  });

export const ConfigSchema = Type.Object(
  {
    spf: Type.With(
      Type.Object(
        {
          fail: Action(
            'note',
            'What becomes of a message whose sender does not let the client send (RFC 7208 §8.4), unless DMARC passes.',
          ),
          softfail: Action('note', 'The same where the sender is not sure (§8.5).'),
          permerror: Action('note', 'The same where the policy cannot be read (§8.7).'),
          when: Type.With(Type.Union([Type.Literal('data'), Type.Literal('mail'), Type.Literal('rcpt')]), {
            default: 'data',
            description:
              'When a `reject` is said: at MAIL or RCPT without seeing the message, so that a good DKIM signature helps nobody, or at its end.',
          }),
        },
        closed,
      ),
      { default: {}, description: 'SPF (RFC 7208).' },
    ),
    dkim: Type.With(
      Type.Object(
        {
          fail: Action(
            'note',
            'What becomes of a message that is signed, and none of whose signatures is good.',
          ),
          signatures: Type.With(Type.Integer({ minimum: 1, maximum: 50 }), {
            default: 10,
            description: 'Signatures that are looked at, from the top; more are left out.',
          }),
          minBits: Type.With(Type.Integer({ minimum: 512 }), {
            default: 1024,
            description: 'The shortest RSA key that counts (RFC 8301 §3.2).',
          }),
        },
        closed,
      ),
      { default: {}, description: 'DKIM (RFC 6376, RFC 8301, RFC 8463).' },
    ),
    dmarc: Type.With(
      Type.Object(
        {
          reject: Action('reject', 'What becomes of a message that fails where its author says `p=reject`.'),
          quarantine: Action('quarantine', 'The same where the author says `p=quarantine`.'),
          none: Action('note', 'The same where the author says `p=none`.'),
          unclearAuthor: Action(
            'note',
            'What becomes of a message with no From, several ones or addresses of several domains (RFC 9989 §11.5).',
          ),
          trustedSealers: Type.With(Type.Array(Type.String()), {
            default: [],
            description:
              'Domains of forwarders and lists: a message that fails is let through where its ARC chain is good, all its seals are theirs, and the first of them has seen DMARC pass (RFC 8617 §7.2.1).',
          }),
        },
        closed,
      ),
      { default: {}, description: 'DMARC (RFC 7489, RFC 9989).' },
    ),
    temporaryErrors: Type.With(Type.Union([Type.Literal('defer'), Type.Literal('note')]), {
      default: 'defer',
      description:
        'What becomes of a message for which DNS gave no answer on which DMARC depends: 451, or on its way.',
    }),
    skip: Type.With(
      Type.Object(
        {
          authenticated: Type.With(Type.Boolean(), {
            default: true,
            description: 'Messages of authenticated clients are not checked.',
          }),
          networks: Type.With(Type.Array(Type.String()), {
            default: ['127.0.0.0/8', '::1/128'],
            description: 'Nor are those from these networks: our own servers and programs, backup MXs.',
          }),
        },
        closed,
      ),
      { default: {}, description: 'Whose messages need no check.' },
    ),
    receivedSpf: Type.With(Type.Boolean(), {
      default: false,
      description: 'Writes a Received-SPF field as well (RFC 7208 §9.1), for programs that read no other.',
    }),
    dns: Type.With(
      Type.Object(
        {
          time: Duration({
            default: '4s',
            description:
              'The DNS of SPF, and again that of the rest, from the first question on. Twice as much must be below `deadlines.hook`: else a silent DNS is a 451, whatever `temporaryErrors` says.',
          }),
          lookups: Type.With(Type.Integer({ minimum: 20 }), {
            default: 100,
            description:
              'Questions of SPF, and again those of the rest. The limits of RFC 7208 §4.6.4 stand besides.',
          }),
        },
        closed,
      ),
      { default: {}, description: 'How much DNS one message may cost; what goes beyond has no answer.' },
    ),
  },
  closed,
);

export type Config = Static<typeof ConfigSchema>;
export type Action = 'note' | 'quarantine' | 'reject';
