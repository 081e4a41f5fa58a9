// What can be configured, with its defaults: the schema behind the README's table.

import { Duration, LOCAL_NETWORKS, type Static, Type } from '@posthouse/core';

const Consequence = Type.Union([
  Type.Literal('reject'),
  Type.Literal('defer'),
  Type.Literal('ignore'),
  Type.Number(),
]);

/** What follows: a refusal for good or for now, nothing, or a weight for `check-score`. */
export type Consequence = Static<typeof Consequence>;

export const ConfigSchema = Type.Object(
  {
    invalidHelo: Type.With(Consequence, {
      default: 'reject',
      description:
        'HELO is neither a domain name nor an address in brackets (Postfix: `reject_invalid_helo_hostname`).',
    }),
    unqualifiedHelo: Type.With(Consequence, {
      default: 'reject',
      description: 'HELO is a name without a dot (`reject_non_fqdn_helo_hostname`).',
    }),
    ownHelo: Type.With(Consequence, {
      default: 'reject',
      description: "A stranger calls itself by this server's name, its address or one of `ownNames`.",
    }),
    foreignLiteral: Type.With(Consequence, {
      default: 'ignore',
      description: "HELO is an address in brackets that is not the client's.",
    }),
    unknownHelo: Type.With(Consequence, {
      default: 'ignore',
      description: 'HELO is a name with neither address nor MX in DNS (`reject_unknown_helo_hostname`).',
    }),
    noReverseName: Type.With(Consequence, {
      default: 'ignore',
      description: 'The address of the client has no name in DNS (`reject_unknown_reverse_client_hostname`).',
    }),
    unconfirmedReverseName: Type.With(Consequence, {
      default: 'ignore',
      description:
        'None of the names of the address leads back to it (`reject_unknown_client_hostname`; FCrDNS). Not asked where it has no name.',
    }),
    iprev: Type.With(Type.Boolean(), {
      default: false,
      description:
        'Asks for the names of the address for the record alone: `iprev` in Authentication-Results (RFC 8601 §2.7.3), and the note. Written as well where a rule above asks for them.',
    }),
    ownNames: Type.With(Type.Array(Type.String({ minLength: 1 })), {
      default: [],
      description: 'Further names that no stranger has: your domains, the other names of this server.',
    }),
    unanswered: Type.With(Type.Union([Type.Literal('pass'), Type.Literal('defer')]), {
      default: 'pass',
      description: 'When DNS gives no answer: go on without it, or have the client come back.',
    }),
    timeout: Duration({ default: '5s', description: 'How long DNS may take for all that is asked of it.' }),
    trustedNetworks: Type.With(Type.Array(Type.String()), {
      default: [...LOCAL_NETWORKS],
      description: 'Clients that are not judged. Nor are those who have authenticated.',
    }),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
