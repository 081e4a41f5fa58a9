// What the one who runs a server writes, in YAML or in TypeScript, and what becomes of it: checked, completed with
// defaults, units turned into numbers. The reading and checking is configuration/'s.

import { type Static, type TObject, Type } from 'typebox';
import {
  type AnyPluginSpec,
  AuthenticationResultsSchema,
  type ConfiguredPlugin,
  type Deadlines,
  DeadlinesSchema,
  DeliverySchema,
  type DeliverySettings,
  Duration,
  FilePath,
  type Limits,
  LimitsSchema,
} from '../contract/index.ts';
import { SASL_MECHANISMS, type SaslMechanism } from '../smtp/index.ts';
import { TlsSchema, type TlsSettings } from './tls/settings.ts';

const closed = { additionalProperties: false } as const;

/** One of several words, as JSON Schema's `enum`, so that a wrong one is answered with the list. */
function OneOf<const W extends readonly string[], const O extends object>(words: W, options: O) {
  return Type.Unsafe<W[number]>({ type: 'string', enum: [...words], ...options });
}

export const ListenerSchema = Type.Object(
  {
    name: Type.String({
      pattern: '^[a-z][a-z0-9-]*$',
      description: 'What logs, events and the `on` of plugin entries call it.',
    }),
    host: Type.String({
      default: '0.0.0.0',
      description: 'The address, or a name with an address, to listen on.',
    }),
    port: Type.Integer({
      minimum: 0,
      maximum: 65_535,
      description: 'The TCP port; 0 lets the system choose one.',
    }),
    tls: Type.Optional(
      OneOf(['none', 'starttls', 'implicit'], {
        description:
          'Default: `starttls` when a certificate is configured, else `none`. Without a certificate a self-signed one is made.',
      }),
    ),
    tlsRequired: Type.Boolean({
      default: false,
      description:
        'Before STARTTLS only EHLO, HELO, NOOP, RSET, QUIT and STARTTLS are taken; all else is 530 (RFC 3207 §4).',
    }),
    clientCertificates: OneOf(['none', 'request', 'require'], {
      default: 'none',
      description:
        '`request` asks clients for a certificate, for plugins and the log; `require` also serves only those whose certificate `clientCa` vouches for.',
    }),
    clientCa: Type.Optional(
      FilePath({ description: 'The authorities that vouch for clients, PEM. Needed by `require`.' }),
    ),
    auth: OneOf(['none', 'offered', 'required'], {
      default: 'none',
      description:
        'Whether clients may authenticate (RFC 4954), and whether they must before MAIL. Needs a plugin that provides an Authenticator (`auth-*`).',
    }),
    authWithoutTls: Type.Boolean({
      default: false,
      description: 'Lets clients authenticate while anybody on the way can read their password.',
    }),
    authMechanisms: Type.Optional(
      Type.Array(OneOf(SASL_MECHANISMS, { description: 'A SASL mechanism.' }), {
        minItems: 1,
        uniqueItems: true,
        description:
          'The mechanisms that are offered. Default: all that the Authenticators can verify, SCRAM only where every user has keys for it.',
      }),
    ),
    proxy: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description:
          'Networks of the proxies (haproxy with `send-proxy` or `send-proxy-v2`) that put a PROXY header in front of each connection. The client is then whom they say; whoever else connects is closed at once.',
      }),
    ),
    xclient: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description:
          'Networks whose clients may say with XCLIENT for whom they speak, and with XFORWARD where a message comes from. What they say is believed, a login included.',
      }),
    ),
    bareLf: OneOf(['refuse', 'normalise'], {
      default: 'refuse',
      description:
        'A message with an LF that has no CR in front: refused with 554, or taken with CRLF in its place (RFC 5321 §2.3.8).',
    }),
    bareCr: OneOf(['refuse', 'normalise'], {
      default: 'refuse',
      description: 'A message with a CR that has no LF behind it: likewise.',
    }),
    nul: OneOf(['refuse', 'accept'], {
      default: 'refuse',
      description:
        'A message with a NUL octet: refused with 554, or taken as it is, though it cannot go on by SMTP then.',
    }),
    protocol: OneOf(['smtp', 'lmtp'], {
      default: 'smtp',
      description:
        'With `lmtp` (RFC 2033) a client says LHLO, and hears at the end of a message what became of each recipient. Never on port 25.',
    }),
    vrfy: OneOf(['cannot-verify', 'off'], {
      default: 'cannot-verify',
      description:
        'VRFY tells nobody who exists: it is answered 252 (RFC 5321 §3.5.3), or with `off` 502. EXPN is always 502.',
    }),
    dsn: OneOf(['on', 'authenticated', 'off'], {
      default: 'on',
      description:
        'Who may ask for notices (RFC 3461): anybody, only clients that have authenticated, or nobody. A stranger can name a forged sender and ask for a notice of success, which then goes to somebody who never wrote. Notices of failure and delay are sent either way.',
    }),
    binaryMime: Type.Boolean({
      default: false,
      description:
        'Offers BINARYMIME (RFC 3030): messages by BDAT whose body may have any octets and is kept as it is; their header section is lines all the same. Only for mail whose next hops offer it too: others make a bounce (5.6.3), since nothing is converted.',
    }),
    rejectAt: OneOf(['at-once', 'rcpt'], {
      default: 'at-once',
      description:
        'With `rcpt`, vetoes of on-connect and on-mail-from are held back until RCPT, so that the log knows who was meant.',
    }),
    bannerDelay: Duration({
      default: 0,
      description:
        'How long the banner waits, to see who talks first; to the second. Real clients wait for it.',
    }),
    earlyTalker: OneOf(['ignore', 'reject'], {
      default: 'ignore',
      description:
        'A client that sends before the banner (RFC 5321 §3.1): `reject` answers 554, and then serves only QUIT. Plugins see it either way.',
    }),
  },
  closed,
);

export const PluginEntrySchema = Type.Object(
  {
    use: Type.String({
      minLength: 1,
      description:
        'The package, or the file of a plugin of your own: `./my-plugin.ts`, seen from the configuration file.',
    }),
    name: Type.Optional(
      Type.String({
        pattern: '^[a-z][a-z0-9-]*$',
        description:
          "What logs and queue items call this entry. Default: the plugin's own name. Needed when a plugin is used twice.",
      }),
    ),
    on: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        uniqueItems: true,
        description: 'The listeners for which it is asked. Default: all.',
      }),
    ),
    mode: OneOf(['enforce', 'observe', 'off'], {
      default: 'enforce',
      description:
        '`observe` records its verdicts without applying them; `off` leaves it out, though it is still checked.',
    }),
    onError: OneOf(['defer', 'pass'], {
      default: 'defer',
      description:
        'What a failing handler means: `defer` answers 451, `pass` goes on as if it had said nothing.',
    }),
    timeout: Type.Optional(Duration({ description: 'One call of a handler. Default: `deadlines.hook`.' })),
    config: Type.Optional(
      Type.Unknown({ description: "The plugin's own configuration; its README has the table." }),
    ),
  },
  closed,
);

export const ServerSchema = Type.Object(
  {
    hostname: Type.String({
      description:
        'The name of this server in the banner, in EHLO and in Received: a domain name that DNS knows.',
    }),
    listeners: Type.Array(ListenerSchema, { minItems: 1, description: 'Where clients connect.' }),
    tls: section(
      TlsSchema,
      'STARTTLS and implicit TLS: the certificates, which are read again when their files change or on SIGHUP, and what is asked of a connection.',
    ),
    limits: section(LimitsSchema, 'Bounds on what clients may send and hold.'),
    deadlines: section(DeadlinesSchema, 'How long the server waits.'),
    delivery: section(DeliverySchema, 'The queue and its attempts.'),
    authenticationResults: section(
      AuthenticationResultsSchema,
      'The Authentication-Results field (RFC 8601), in which the server writes what plugins found out about a message.',
    ),
    control: Type.Optional(
      Type.Union(
        [Type.Object({ socket: FilePath({ description: 'The Unix socket.' }) }, closed), Type.Literal(false)],
        {
          description:
            'The Unix socket over which `posthouse queue` talks to the running server, for its owner alone. Default: `var/control.sock` beside the configuration file (none where the definition is TypeScript). `false` switches it off.',
        },
      ),
    ),
    log: section(
      Type.Object(
        {
          level: OneOf(['debug', 'info', 'warn', 'error', 'silent'], {
            default: 'info',
            description: 'The least important lines that are written.',
          }),
        },
        closed,
      ),
      'The log: JSON lines on standard output.',
    ),
    dns: section(
      Type.Object(
        {
          servers: Type.Optional(
            Type.Array(Type.String(), {
              minItems: 1,
              description:
                'Addresses of DNS servers, with `:port` where it is not 53. Default: those of the system.',
            }),
          ),
          timeout: Duration({ default: '5s', description: 'One question to one server.' }),
        },
        closed,
      ),
      'Whom the resolver asks.',
    ),
    plugins: Type.Array(PluginEntrySchema, {
      default: [],
      description: 'The plugins, in the order in which they are asked.',
    }),
  },
  closed,
);

/** A section that may be left out: its members' defaults still hold. */
function section<T extends TObject>(schema: T, description: string): T {
  return Type.Object(schema.properties, { ...closed, default: {}, description }) as unknown as T;
}

type ResolvedServer = Static<typeof ServerSchema>;

/** As it may be written: any part may be left to its default, durations and sizes may carry their unit. */
type Written<T> = { readonly [K in keyof T]?: T[K] extends number ? number | string : Writable<T[K]> };
type Writable<V> = V extends readonly number[] ? readonly (number | string)[] : V;

export interface ListenerDefinition {
  /** What logs, events and the `on` of plugin entries call it. */
  readonly name: string;
  /** Default: `0.0.0.0`. */
  readonly host?: string;
  /** 0 lets the system choose; `addresses` of the server tells. */
  readonly port: number;
  /** Default: `starttls` when a certificate is configured, else `none`. */
  readonly tls?: 'none' | 'starttls' | 'implicit';
  /** Before STARTTLS nothing but STARTTLS is of use (RFC 3207 §4). */
  readonly tlsRequired?: boolean;
  readonly clientCertificates?: 'none' | 'request' | 'require';
  /** File, PEM. Needed by `require`. */
  readonly clientCa?: string;
  /** Default: `none`. */
  readonly auth?: 'none' | 'offered' | 'required';
  /** Lets clients authenticate without TLS. Default: false. */
  readonly authWithoutTls?: boolean;
  /** Default: all that can be verified. */
  readonly authMechanisms?: readonly SaslMechanism[];
  /** Networks of the proxies that put a PROXY header in front of each connection. */
  readonly proxy?: readonly string[];
  /** Networks whose clients may use XCLIENT and XFORWARD. */
  readonly xclient?: readonly string[];
  /** Messages with an LF or a CR that is not part of a CRLF. Default: `refuse`. */
  readonly bareLf?: 'refuse' | 'normalise';
  readonly bareCr?: 'refuse' | 'normalise';
  /** Messages with a NUL. Default: `refuse`. */
  readonly nul?: 'refuse' | 'accept';
  /** Default: `smtp`. */
  readonly protocol?: 'smtp' | 'lmtp';
  /** What VRFY is answered: 252, or 502 with `off`. Default: `cannot-verify`. */
  readonly vrfy?: 'cannot-verify' | 'off';
  /** Who may ask for notices (DSN). Default: `on`. */
  readonly dsn?: 'on' | 'authenticated' | 'off';
  /** Offers BINARYMIME. Default: false. */
  readonly binaryMime?: boolean;
  /** `rcpt` holds vetoes of on-connect and on-mail-from back until RCPT. */
  readonly rejectAt?: 'at-once' | 'rcpt';
  /** Milliseconds or `5s`: how long the banner waits. Default: 0. */
  readonly bannerDelay?: number | string;
  /** What is done with a client that sends before the banner. Default: `ignore`. */
  readonly earlyTalker?: 'ignore' | 'reject';
}

/** A plugin, configured by calling its factory, or with more to say about it. */
export type PluginEntry = ConfiguredPlugin | PluginUse;

export interface PluginUse {
  /** The factory itself (then `config` is the entry's), or what it returned. */
  readonly use: ConfiguredPlugin | { readonly plugin: AnyPluginSpec };
  /** Default: the plugin's own name. */
  readonly name?: string;
  /** Listener names. Default: all. */
  readonly on?: readonly string[];
  readonly mode?: 'enforce' | 'observe' | 'off';
  readonly onError?: 'defer' | 'pass';
  /** Milliseconds or `10s`. */
  readonly timeout?: number | string;
  /** Replaces the configuration that `use` brought along. */
  readonly config?: unknown;
}

export interface ServerDefinition {
  /** The name in the banner, in EHLO and in Received. */
  readonly hostname: string;
  readonly listeners: readonly ListenerDefinition[];
  /** Files, PEM. */
  readonly tls?: Written<TlsSettings>;
  readonly limits?: Written<Limits>;
  readonly deadlines?: Written<Deadlines>;
  readonly delivery?: Written<DeliverySettings>;
  readonly authenticationResults?: Written<ResolvedServer['authenticationResults']>;
  /** The Unix socket for `posthouse queue`. Default: none. */
  readonly control?: { readonly socket: string } | false;
  readonly log?: Written<ResolvedServer['log']>;
  readonly dns?: { readonly servers?: readonly string[]; readonly timeout?: number | string };
  readonly plugins: readonly PluginEntry[];
}

/** Gives the definition back: for the sake of its type in a file of its own. */
export function defineServer(definition: ServerDefinition): ServerDefinition {
  return definition;
}

export interface ResolvedListener {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: 'none' | 'starttls' | 'implicit';
  readonly tlsRequired: boolean;
  readonly clientCertificates: 'none' | 'request' | 'require';
  readonly clientCa?: string;
  readonly auth: 'none' | 'offered' | 'required';
  readonly authWithoutTls: boolean;
  /** undefined: all that can be verified. */
  readonly authMechanisms?: readonly SaslMechanism[];
  readonly proxy?: readonly string[];
  readonly xclient?: readonly string[];
  readonly bareLf: 'refuse' | 'normalise';
  readonly bareCr: 'refuse' | 'normalise';
  readonly nul: 'refuse' | 'accept';
  readonly protocol: 'smtp' | 'lmtp';
  readonly vrfy: 'cannot-verify' | 'off';
  readonly dsn: 'on' | 'authenticated' | 'off';
  readonly binaryMime: boolean;
  readonly rejectAt: 'at-once' | 'rcpt';
  /** Milliseconds. */
  readonly bannerDelay: number;
  readonly earlyTalker: 'ignore' | 'reject';
}

export interface ResolvedPlugin {
  readonly spec: AnyPluginSpec;
  /** Unique in the list. */
  readonly name: string;
  /** As `use` was written; the plugin's own name where the definition is TypeScript. */
  readonly use: string;
  /** Checked and completed; units are numbers, paths absolute. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Listener names, all of which exist; undefined for all. */
  readonly on: readonly string[] | undefined;
  readonly mode: 'enforce' | 'observe' | 'off';
  readonly onError: 'defer' | 'pass';
  /** Milliseconds; undefined for `deadlines.hook`. */
  readonly timeout: number | undefined;
}

/** A definition that can be assembled: everything checked, defaulted and in plain units. */
export interface ResolvedDefinition {
  readonly resolved: true;
  /** The configuration file as it was named; undefined where the definition is TypeScript. */
  readonly file: string | undefined;
  /** From where relative paths were taken. */
  readonly folder: string;
  readonly hostname: string;
  readonly listeners: readonly ResolvedListener[];
  readonly tls: TlsSettings;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  readonly delivery: DeliverySettings;
  readonly authenticationResults: { readonly authservId: string; readonly trusted: readonly string[] };
  readonly control: { readonly socket: string } | undefined;
  readonly log: ResolvedServer['log'];
  readonly dns: { readonly servers: readonly string[] | undefined; readonly timeout: number };
  readonly plugins: readonly ResolvedPlugin[];
  /** Paths (`plugins[2].config.password`) of the values that came from `${env:…}` or `${file:…}`: no dump shows them. */
  readonly secrets: ReadonlySet<string>;
  /** Paths that were written; the others are defaults. */
  readonly written: ReadonlySet<string>;
}

export function isResolved(
  definition: ServerDefinition | ResolvedDefinition,
): definition is ResolvedDefinition {
  return 'resolved' in definition;
}
