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
import { type ListenerDefinition, ListenerSchema, type ResolvedListener } from './listener-definition.ts';
import { OneOf } from './one-of.ts';
import { TlsSchema, type TlsSettings } from './tls/settings.ts';

const closed = { additionalProperties: false } as const;

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
    workers: Type.Union([Type.Integer({ minimum: 1, maximum: 64 }), Type.Literal('auto')], {
      default: 1,
      description:
        'Threads that receive mail. 1: the thread with the queue does it itself. `auto`: 1 on up to two processors, else one less than there are. More than one need a configuration file.',
    }),
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
  /** Threads that receive mail. More than 1 need a configuration file. Default: 1. */
  readonly workers?: 1 | 'auto';
  readonly log?: Written<ResolvedServer['log']>;
  readonly dns?: { readonly servers?: readonly string[]; readonly timeout?: number | string };
  readonly plugins: readonly PluginEntry[];
}

/** Gives the definition back: for the sake of its type in a file of its own. */
export function defineServer(definition: ServerDefinition): ServerDefinition {
  return definition;
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
  /** The configuration file as it was read; undefined where the definition is TypeScript. */
  readonly text: string | undefined;
  readonly hostname: string;
  readonly listeners: readonly ResolvedListener[];
  readonly tls: TlsSettings;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  readonly delivery: DeliverySettings;
  readonly authenticationResults: { readonly authservId: string; readonly trusted: readonly string[] };
  readonly control: { readonly socket: string } | undefined;
  /** Threads that receive mail. */
  readonly workers: number;
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
