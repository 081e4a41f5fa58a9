// A listener as it is written, and what becomes of it: what its clients are offered, and who they may be.

import { Type } from 'typebox';
import { Duration, FilePath, type Priority } from '../contract/index.ts';
import { SASL_MECHANISMS, type SaslMechanism } from '../smtp/index.ts';
import { OneOf } from './one-of.ts';

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
        'VRFY tells nobody who exists: it is answered 252, which RFC 5321 §7.3 asks of a server that does not verify. With `off` it is 502, and HELP does not name it. EXPN is always 502.',
    }),
    dsn: OneOf(['on', 'authenticated', 'off'], {
      default: 'on',
      description:
        'Who may ask for notices (RFC 3461): anybody, only clients that have authenticated, or nobody. A stranger can name a forged sender and ask for a notice of success, which then goes to somebody who never wrote. Notices of failure and delay are sent either way.',
    }),
    priority: OneOf(['high', 'normal', 'bulk'], {
      default: 'normal',
      description:
        'Whose turn it is at a destination where mail waits in line: of ten messages seven are `high`, two `normal` and one `bulk`. A plugin may say otherwise for a message (`edits.setPriority`).',
    }),
    binaryMime: Type.Boolean({
      default: false,
      description:
        'Offers BINARYMIME (RFC 3030): messages by BDAT whose body may have any octets and is kept as it is; their header section is lines all the same. Only for mail whose next hops offer it too: others make a bounce (5.6.3), since nothing is converted.',
    }),
    futureRelease: Type.Optional(
      Duration({
        description:
          'Offers FUTURERELEASE (RFC 4865) to authenticated clients: HOLDFOR and HOLDUNTIL keep a message in the queue for at most so long. Default: not offered.',
      }),
    ),
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
  { additionalProperties: false },
);

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
  /** Whose turn it is at a destination where mail waits in line. Default: `normal`. */
  readonly priority?: Priority;
  /** Offers BINARYMIME. Default: false. */
  readonly binaryMime?: boolean;
  /** Milliseconds or `30d`: how long authenticated clients may have a message held (RFC 4865). Default: not at all. */
  readonly futureRelease?: number | string;
  /** `rcpt` holds vetoes of on-connect and on-mail-from back until RCPT. */
  readonly rejectAt?: 'at-once' | 'rcpt';
  /** Milliseconds or `5s`: how long the banner waits. Default: 0. */
  readonly bannerDelay?: number | string;
  /** What is done with a client that sends before the banner. Default: `ignore`. */
  readonly earlyTalker?: 'ignore' | 'reject';
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
  readonly priority: Priority;
  readonly binaryMime: boolean;
  /** Milliseconds. */
  readonly futureRelease?: number;
  readonly rejectAt: 'at-once' | 'rcpt';
  /** Milliseconds. */
  readonly bannerDelay: number;
  readonly earlyTalker: 'ignore' | 'reject';
}
