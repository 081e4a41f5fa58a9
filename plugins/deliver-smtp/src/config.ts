// What the operator may say: the schema, from which the README's table and the type of the settings come.

import { Duration, FilePath, type Static, Type } from '@posthouse/core';
import { poolProperties, timeoutProperties } from '@posthouse/core/client';

const TlsPolicy = Type.Union([
  Type.Literal('may'),
  Type.Literal('none'),
  Type.Literal('encrypt'),
  Type.Literal('verify'),
  Type.Literal('dane'),
  Type.Literal('dane-only'),
  Type.Literal('mta-sts'),
  Type.Literal('published'),
]);

const Login = Type.Object(
  {
    user: Type.String({ minLength: 1, description: 'Who we are to that host.' }),
    password: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'For SCRAM-SHA-256, PLAIN or LOGIN, the strongest that it offers.',
      }),
    ),
    token: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'In the place of a password, for XOAUTH2; it is not renewed here.',
      }),
    ),
    authWithoutTls: Type.Optional(
      Type.Boolean({ description: 'Authenticate in clear too. Only for hosts on the same machine.' }),
    ),
  },
  { additionalProperties: false },
);

const SourcePool = Type.Object(
  {
    addresses: Type.Array(
      Type.Object(
        {
          address: Type.String({ minLength: 2, description: 'IPv4 or IPv6.' }),
          helo: Type.Optional(
            Type.String({
              pattern: '^[!-~]+$',
              description: 'Our name in EHLO from there. Default: `helo`.',
            }),
          ),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, description: 'Each of this machine.' },
    ),
    choose: Type.With(Type.Union([Type.Literal('hash'), Type.Literal('round-robin')]), {
      default: 'hash',
      description:
        '`hash`: one next hop always sees the same address; `round-robin`: the next one each time.',
    }),
  },
  { additionalProperties: false },
);

export const ConfigSchema = Type.Object(
  {
    domains: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Only these domains are claimed; `.example.org` stands for all below it. Default: all.',
      }),
    ),
    smarthost: Type.Optional(
      Type.String({ description: 'The next hop for whatever has no route of its own. Default: by MX.' }),
    ),
    routes: Type.With(Type.Record(Type.String(), Type.String()), {
      default: {},
      description: 'Next hops by domain; `.example.org` stands for all below it.',
    }),
    fallback: Type.Optional(
      Type.String({
        description:
          'The next hop for mail that no host of its own next hop answers for: unreachable, or 4yz or 5yz as a greeting.',
      }),
    ),
    pools: Type.With(Type.Record(Type.String(), SourcePool), {
      default: {},
      description: 'Addresses of this machine that connections may come from, by a name of your choice.',
    }),
    source: Type.Optional(
      Type.String({
        description: "The pool that connections come from. Default: the system's choice of address.",
      }),
    ),
    sources: Type.With(Type.Record(Type.String(), Type.String()), {
      default: {},
      description: 'Pools by next hop, with keys as in `tlsPolicies`.',
    }),
    port: Type.With(Type.Integer({ minimum: 1, maximum: 65_535 }), {
      default: 25,
      description: 'The port where a next hop names none.',
    }),
    helo: Type.Optional(
      Type.String({ pattern: '^[!-~]+$', description: 'Our name in EHLO. Default: the hostname.' }),
    ),
    addressFamily: Type.With(
      Type.Union([
        Type.Literal('any'),
        Type.Literal('ipv4'),
        Type.Literal('ipv6'),
        Type.Literal('ipv4-first'),
        Type.Literal('ipv6-first'),
      ]),
      {
        default: 'any',
        description: 'Which addresses of a host are tried, and which first; `any` leaves it to chance.',
      },
    ),
    tls: Type.With(TlsPolicy, {
      default: 'may',
      description:
        '`may`: STARTTLS where offered, in clear where not; `encrypt`: never in clear; `verify`: never in clear, and only to a host with a valid certificate for the right name; `dane`: as TLSA records that DNSSEC secures say, else as `may`; `dane-only`: only to hosts that have them; `mta-sts`: as the MTA-STS policy of the domain says, else as `may`; `published`: DANE, or else MTA-STS, or else `may`.',
    }),
    tlsPolicies: Type.With(Type.Record(Type.String(), TlsPolicy), {
      default: {},
      description:
        'The same by next hop: the domain whose MX are asked, or the host of a smarthost or route; `.example.org` stands for all below it.',
    }),
    dnssec: Type.Optional(
      Type.Object(
        {
          resolvers: Type.Array(Type.String(), {
            minItems: 1,
            description:
              'Validating resolvers, asked in this order: an address, with `:port` where it is not 53. What they call authentic (the AD bit) is believed.',
          }),
          trustNetwork: Type.Optional(
            Type.Boolean({
              description: 'Believes resolvers beyond this machine too: nobody on the way to them can forge.',
            }),
          ),
          timeout: Duration({
            default: '5s',
            description: 'One question to one resolver; each is asked twice.',
          }),
        },
        { additionalProperties: false, description: 'Whom DANE asks.' },
      ),
    ),
    mtaSts: Type.Optional(
      Type.Object(
        {
          path: FilePath({
            description: 'The folder of the policies that are known. Made when it is not there.',
          }),
          fetchTimeout: Duration({ default: '30s', description: 'To fetch the policy of a domain.' }),
        },
        { additionalProperties: false, description: 'Needed by `mta-sts` and `published`.' },
      ),
    ),
    caFile: Type.Optional(
      FilePath({
        description:
          "The CAs that `verify` and MTA-STS trust, in PEM, instead of the system's. Read at the start.",
      }),
    ),
    chunking: Type.With(Type.Boolean(), {
      default: true,
      description:
        'Text goes by BDAT where a next hop offers CHUNKING; `false`: by DATA everywhere. What is BINARYMIME always needs BDAT.',
    }),
    auth: Type.With(Type.Record(Type.String(), Login), {
      default: {},
      description:
        'Logins by smarthost or route, written as there: `user` and either `password` or `token`; `authWithoutTls: true` where it may go in clear.',
    }),
    ...timeoutProperties,
    ...poolProperties,
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
