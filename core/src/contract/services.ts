// The services with a life of their own or with several possible makers, each interface with its token.

import type { ScramKeys } from '../smtp/index.ts';
import type { SessionView } from './asked.ts';
import type { Awaitable } from './delivery.ts';
import { type Token, token } from './token.ts';

/** Time as an argument. Nothing in the house reads a clock of its own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** A timer that never keeps the process alive by itself. Whoever makes it stops it. */
  after(milliseconds: number, then: () => void): Timer;
  /** As `after`, again and again. */
  every(milliseconds: number, then: () => void): Timer;
}
export interface Timer {
  stop(): void;
  /** Starts the waiting anew, without the cost of a new timer. */
  restart(): void;
}
export const Clock: Token<Clock> = token<Clock>('Clock');

/** Chance as an argument: identifiers, jitter, the order of equals. */
export interface Chance {
  /** Uniform in [0, 1). */
  next(): number;
}
export const Chance: Token<Chance> = token<Chance>('Chance');

/** Names for messages, items and sessions: unique, and later ones sort behind earlier ones. */
export interface Identifiers {
  next(): string;
}
export const Identifiers: Token<Identifiers> = token<Identifiers>('Identifiers');

/** Structured, levelled logging; pino's shape. Fields first, sentence second. */
export interface Logger {
  readonly level: string;
  debug(fields: object, text?: string): void;
  info(fields: object, text?: string): void;
  warn(fields: object, text?: string): void;
  error(fields: object, text?: string): void;
  child(fields: object): Logger;
}
export const Logger: Token<Logger> = token<Logger>('Logger');

export interface MxRecord {
  readonly exchange: string;
  readonly preference: number;
}

/**
 * DNS. A name that does not exist and a name without such records both give an empty list;
 * a resolver that cannot tell (time-out, SERVFAIL) throws a PosthouseError `dns-unavailable`.
 */
export interface Resolver {
  /**
   * The hosts that take mail for a domain, best first: MX, or the domain itself where there is only an
   * address (RFC 5321 §5.1). Empty when nobody does, a null MX (RFC 7505) included.
   */
  mx(domain: string, signal?: AbortSignal): Promise<readonly MxRecord[]>;
  /** The MX records as published, best first; a null MX is the one record with the exchange ''. */
  mxRecords(domain: string, signal?: AbortSignal): Promise<readonly MxRecord[]>;
  /** IPv4 and IPv6 addresses of a host. */
  addresses(
    host: string,
    signal?: AbortSignal,
  ): Promise<{ readonly v4: readonly string[]; readonly v6: readonly string[] }>;
  /** IPv4 addresses alone: what DNS lists answer with (RFC 5782 §2.1). */
  a(name: string, signal?: AbortSignal): Promise<readonly string[]>;
  /** Each record with its strings joined. */
  txt(name: string, signal?: AbortSignal): Promise<readonly string[]>;
  /** The names of an address. */
  ptr(address: string, signal?: AbortSignal): Promise<readonly string[]>;
}
export const Resolver: Token<Resolver> = token<Resolver>('Resolver');

/** What plugins should know of the server they live in. */
export interface ServerIdentity {
  /** The name in the banner, in EHLO and in Received. */
  readonly hostname: string;
  /** Whether a host name or an address (with port) is this server itself: loop protection for transports. */
  isSelf(host: string, address: string, port: number): boolean;
}
export const ServerIdentity: Token<ServerIdentity> = token<ServerIdentity>('ServerIdentity');

/** What an Authenticator is given beside the credentials. */
export interface LoginAsked {
  /** As the client wrote it, in UTF-8, not prepared (RFC 4013) and not lower-cased. Untrusted. */
  readonly user: string;
  /** `PLAIN`, `OAUTHBEARER`… */
  readonly mechanism: string;
  readonly session: SessionView;
  /** A logger that already names the plugin and the session. Passwords and tokens have no place in it. */
  readonly log: Logger;
  /** Aborted when the time for this call is up or the connection is gone. */
  readonly signal: AbortSignal;
}

/**
 * The user whom the credentials prove, under the name that sessions, logs and the queue will have; or why they are
 * refused, for the log (`wrong-password`, `disabled`), which the client is never told.
 */
export type LoginResult = { readonly user: string } | { readonly refused: string };

/**
 * Knows users. Several plugins may provide one: they are asked in the order of the plugin list, and the first that
 * knows the user decides. A method that is missing means that the mechanisms which need it are not offered.
 *
 * Undefined says "no such user here", a throw or a time-out that nobody can tell: the client hears 454 and no other
 * Authenticator is asked. Answer as late for a user whom you do not know as for a wrong password.
 */
export interface Authenticator {
  /** PLAIN and LOGIN. */
  verifyPassword?(asked: LoginAsked & { readonly password: string }): Awaitable<LoginResult | undefined>;
  /** SCRAM-SHA-256: what is stored of the user's password. The core holds the client's proof against it. */
  scramKeys?(asked: LoginAsked): Awaitable<(ScramKeys & { readonly user: string }) | undefined>;
  /** Whether every user has SCRAM keys. While one has not, SCRAM is not offered by itself. Default: true. */
  hasScramKeysForAll?(): boolean;
  /** OAUTHBEARER and XOAUTH2: a bearer token. `user` is '' where the client leaves the name to the token. */
  verifyToken?(asked: LoginAsked & { readonly token: string }): Awaitable<LoginResult | undefined>;
}
export const Authenticator: Token<Authenticator> = token<Authenticator>('Authenticator');
