// Every number that bounds the server, each with its default and its reason: the schema that the configuration is
// checked against, and the types that the rooms read. Reference: core/docs/configuration.md, generated from here.

import { type Static, type TObject, Type } from 'typebox';
import { BOUNCE_CLASSES, type BounceClass } from './bounce-class.ts';
import { ByteSize, Duration, FilePath, Rate } from './schema.ts';
import { type Token, token } from './token.ts';

const closed = { additionalProperties: false } as const;

export const LimitsSchema = Type.Object(
  {
    messageSize: ByteSize({
      default: '50 MiB',
      description:
        'Largest message, in octets; advertised with SIZE (RFC 1870) and enforced while the octets arrive.',
    }),
    headerSize: ByteSize({ default: '256 KiB', description: 'Largest header section of a message.' }),
    headerFields: Type.Integer({
      default: 1000,
      minimum: 100,
      description: 'Header fields of one message.',
    }),
    receivedFields: Type.Integer({
      default: 100,
      minimum: 1,
      description: 'Received fields above which a message is taken to be in a loop (RFC 5321 §6.3).',
    }),
    textLine: ByteSize({
      default: '1 MiB',
      description:
        'Longest line of a message, CRLF included (RFC 5321 §4.5.3.1.6 asks for at least 1000). Longer ones are refused, never folded.',
    }),
    mimeDepth: Type.Integer({
      default: 100,
      minimum: 1,
      description: 'Multiparts and attached messages inside each other (RFC 2046).',
    }),
    mimeParts: Type.Integer({
      default: 10_000,
      minimum: 1,
      description: 'Parts of one message, at all depths (RFC 2046).',
    }),
    recipients: Type.Integer({
      default: 1000,
      minimum: 100,
      description: 'Recipients of one message (RFC 5321 §4.5.3.1.8 asks for at least 100).',
    }),
    messagesPerSession: Type.Integer({
      default: 10_000,
      minimum: 1,
      description:
        'Transactions of one session; the next MAIL is 421, and a client comes back with the rest.',
    }),
    ownMessagesPerHour: Type.Integer({
      default: 20_000,
      minimum: 1,
      description:
        'Messages that one plugin may send of its own (reports, replies) within an hour; more are refused to it.',
    }),
    chunks: Type.Integer({
      default: 100_000,
      minimum: 1,
      description: 'Chunks (BDAT, RFC 3030) of one message; with one more it is refused with 552.',
    }),
    commandLine: ByteSize({
      default: 2048,
      description:
        'Longest command line, CRLF included (RFC 5321 §4.5.3.1.4 asks for at least 512; extensions lengthen it).',
    }),
    badCommands: Type.Integer({
      default: 20,
      minimum: 1,
      description: 'Refused commands after which a connection is closed with 421.',
    }),
    authLine: ByteSize({
      default: 12_288,
      description: 'Longest AUTH command and longest line of its exchange, CRLF included (RFC 4954 §4).',
    }),
    authFailures: Type.Integer({
      default: 3,
      minimum: 1,
      description: 'Failed AUTH tries after which a connection is closed with 421.',
    }),
    authFailuresPerAddress: Type.Integer({
      default: 20,
      minimum: 1,
      description:
        'Failed AUTH tries from one address (of IPv6 one network) within `deadlines.authFailures`; then AUTH is 421 at once. The same wrong password again is no new failure. Loopback is not counted.',
    }),
    authFailureAddresses: Type.Integer({
      default: 10_000,
      minimum: 1,
      description: 'Addresses whose failed AUTH tries are remembered; beyond, the oldest is forgotten.',
    }),
    commandsWithoutMail: Type.Integer({
      default: 1000,
      minimum: 10,
      description:
        'Commands since the last accepted message that bring no mail (RSET, NOOP, VRFY, HELP, EHLO, a refused MAIL or RCPT), after which a connection is closed with 421.',
    }),
    unauthenticatedBytes: ByteSize({
      default: '1 GiB',
      description:
        'Octets that a client may send in one session without AUTH, messages included; its next command is then 421.',
    }),
    unsavedOctets: ByteSize({
      default: '128 MiB',
      description:
        'Octets of messages of all clients together that wait in memory for the store. Above it MAIL is 451 4.3.2 until the store has caught up; messages that are under way end with 452 at twice as much. With `workers`, each has its part.',
    }),
    unsentReplies: ByteSize({
      default: '64 KiB',
      description: 'Replies that a client has not read, above which the server stops reading from it.',
    }),
    minimumRate: ByteSize({
      default: 100,
      description:
        'Octets per second that must come on average over `deadlines.rateWindow` while a command line or a message is under way; a slower client is 421. 0 switches it off.',
    }),
    connections: Type.Integer({
      default: 20_000,
      minimum: 1,
      description: 'Open connections in all; more get 421 at once.',
    }),
    connectionsPerAddress: Type.Integer({
      default: 50,
      minimum: 1,
      description: 'Open connections from one IP address; more get 421 at once. Loopback is not counted.',
    }),
    connectionsPerNetwork: Type.Integer({
      default: 200,
      minimum: 1,
      description: 'Open connections from one network; more get 421 at once. Loopback is not counted.',
    }),
    connectionsPerMinute: Type.Integer({
      default: 300,
      minimum: 1,
      description:
        'New connections from one IPv4 address, or one IPv6 network, within a minute; more get 421 at once. Loopback is not counted.',
    }),
    ipv4Prefix: Type.Integer({
      default: 24,
      minimum: 8,
      maximum: 32,
      description: 'Bits of an IPv4 address that name its network.',
    }),
    ipv6Prefix: Type.Integer({
      default: 64,
      minimum: 16,
      maximum: 128,
      description: 'Bits of an IPv6 address that name its network: what one customer usually has.',
    }),
  },
  closed,
);
export type Limits = Static<typeof LimitsSchema>;
export const Limits: Token<Limits> = token<Limits>('Limits');

export const DeadlinesSchema = Type.Object(
  {
    command: Duration({
      default: '5m',
      description: 'Silence of a client between commands (RFC 5321 §4.5.3.2.7).',
    }),
    data: Duration({
      default: '3m',
      description: 'Silence of a client while it sends a message (RFC 5321 §4.5.3.2.5).',
    }),
    transaction: Duration({
      default: '1h',
      description: 'From MAIL to the end of the message, however slowly it comes.',
    }),
    session: Duration({
      default: '6h',
      description: 'A whole session; an open transaction may end first, within its own deadline.',
    }),
    rateWindow: Duration({
      default: '3m',
      description: 'Over which `limits.minimumRate` is averaged.',
    }),
    proxyHeader: Duration({
      default: '5s',
      description: "The PROXY header of a connection, where a listener's `proxy` asks for one.",
    }),
    tlsHandshake: Duration({ default: '30s', description: 'A TLS handshake.' }),
    hook: Duration({
      default: '10s',
      description: 'One call of a handler; a plugin entry may set its own `timeout`.',
    }),
    authenticator: Duration({
      default: '10s',
      description: 'One question to an Authenticator; a plugin entry may set its own `timeout`.',
    }),
    authDelay: Duration({
      default: '1s',
      description:
        'How long the answer to a first failed AUTH waits; doubles with each failure from the address, up to 16 times.',
    }),
    authFailures: Duration({
      default: '10m',
      description: 'How long failed AUTH tries from an address are remembered.',
    }),
    drain: Duration({ default: '30s', description: 'From SIGTERM until whatever still runs is cut off.' }),
  },
  closed,
);
export type Deadlines = Static<typeof DeadlinesSchema>;
export const Deadlines: Token<Deadlines> = token<Deadlines>('Deadlines');

/** A template: its first line is `Subject: …`, then an empty line, then the text (core/docs/notices.md). */
const template = (action: string) =>
  Type.Optional(Type.String({ description: `The notice that a message ${action}.` }));

const NoticesSchema = Type.Object(
  {
    folder: Type.Optional(
      FilePath({
        description:
          'A folder with templates in files: `failed.txt`, `delayed.txt` and so on. Read at the start.',
      }),
    ),
    failed: template('could not be delivered'),
    delayed: template('is delayed'),
    delivered: template('has been delivered'),
    relayed: template('was passed on to a server that sends no notices'),
    expanded: template('was sent on to several addresses'),
  },
  { ...closed, description: 'Your own words for notices to senders (docs/notices.md). Default: English.' },
);

const waits = () => Type.Optional(Type.Array(Duration({ description: 'A wait.' }), { minItems: 1 }));

const RetryByClassSchema = Type.Object(
  Object.fromEntries(Object.keys(BOUNCE_CLASSES).map((name) => [name, waits()])) as Record<
    BounceClass,
    ReturnType<typeof waits>
  >,
  {
    ...closed,
    description: 'Waits in place of those for what waits for a reason of a class (docs/bounce-classes.md).',
  },
);

const DestinationSchema = Type.Object(
  {
    match: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        description:
          'Next hops as the transports name them, domains for most; `.example.org` stands for all below it, `*` for every one. Each has the limits for itself.',
      }),
    ),
    mx: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        description:
          'Mail hosts, written as in `match`: the destinations whose best host fits have the limits together.',
      }),
    ),
    transport: Type.Optional(Type.String({ description: 'Only what this plugin carries.' })),
    connections: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'Deliveries that run at a time at most, and so connections. Default: `laneConcurrency`.',
      }),
    ),
    rate: Type.Optional(
      Rate({ description: 'Deliveries that may begin, evenly spread. Default: no bound.' }),
    ),
    messagesPerConnection: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'Messages after which a connection is closed, where the transport allows more.',
      }),
    ),
  },
  closed,
);

export const DeliverySchema = Type.Object(
  {
    concurrency: Type.Integer({
      default: 200,
      minimum: 1,
      description: 'Deliveries that run at a time, those that take long not counted.',
    }),
    slowConcurrency: Type.Integer({
      default: 2000,
      minimum: 1,
      description:
        'Deliveries that run beside those because they take longer than a second: hosts that are slow or silent do not keep mail from the others.',
    }),
    laneConcurrency: Type.Integer({
      default: 20,
      minimum: 1,
      description:
        'Deliveries that run at a time to one destination at most: five at first, more while they succeed, half as many when it cannot be reached.',
    }),
    destinations: Type.Optional(
      Type.Array(DestinationSchema, {
        description:
          'Limits by destination: the first row that fits counts, and what it leaves open goes by the defaults (docs/delivery.md).',
      }),
    ),
    window: Type.Integer({
      default: 5_000,
      minimum: 10,
      description: 'Items held in memory; the rest stays in the store.',
    }),
    windowBytes: ByteSize({
      default: '64 MiB',
      description: 'Octets of fresh messages kept in memory until their first attempt.',
    }),
    attemptTimeout: Duration({ default: '30m', description: 'One delivery attempt.' }),
    retryAfter: Type.Array(Duration({ description: 'A wait.' }), {
      default: ['1m', '5m', '15m', '30m', '1h', '2h', '4h'],
      minItems: 1,
      description: 'Waits between attempts; the last one repeats (RFC 5321 §4.5.4.1).',
    }),
    retryAfterByClass: Type.Optional(RetryByClassSchema),
    laneRest: Duration({
      default: '30s',
      description:
        'How long, give or take a tenth, a destination that nobody reaches is left alone at first; doubles with each failure in a row, up to 64 times.',
    }),
    expireAfter: Duration({
      default: '5d',
      description: 'Age at which an undelivered message is returned to its sender (RFC 5321 §4.5.4.1).',
    }),
    delayWarningAfter: Duration({
      default: '4h',
      description:
        'Age at which the sender of an undelivered message is told once that it is delayed; 0 switches that off.',
    }),
    quarantineFor: Duration({
      default: '30d',
      description:
        'How long a quarantined message waits for somebody to release it; then it is dropped without a notice.',
    }),
    notices: Type.Optional(NoticesSchema),
    redirects: Type.Integer({
      default: 10,
      minimum: 1,
      description: 'Aliases and forwards that may follow each other before a recipient fails with 5.4.6.',
    }),
  },
  closed,
);
export type DeliverySettings = Static<typeof DeliverySchema>;
export const DeliverySettings: Token<DeliverySettings> = token<DeliverySettings>('DeliverySettings');

export const AuthenticationResultsSchema = Type.Object(
  {
    authservId: Type.Optional(
      Type.String({
        pattern: "^[!#-'*+.0-9A-Z^_`a-z{|}~-]+$",
        maxLength: 255,
        description:
          'Whose field it is (RFC 8601 §2.5); several servers of one house may share a name. Default: `hostname`.',
      }),
    ),
    trusted: Type.Array(Type.String(), {
      default: [],
      description:
        'Networks of servers of yours, which may write fields under this name. Those that come from elsewhere are removed (RFC 8601 §5).',
    }),
  },
  closed,
);

/** The schema's own words for a section that the configuration leaves out; units are resolved by the configuration. */
export function defaultsOf(schema: TObject): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schema.properties).flatMap(([key, property]) => {
      const value = (property as { default?: unknown }).default;
      return value === undefined ? [] : [[key, value]];
    }),
  );
}
