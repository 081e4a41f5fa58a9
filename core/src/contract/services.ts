// The services with a life of their own or with several possible makers, each interface with its token.

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
