// The Authenticators of a listener, asked in the order of the plugin list: the first that knows the user decides.
// Fails closed: a throw, a time-out or nonsense ends the asking, and the client hears 454.

import {
  type Authenticator,
  type Clock,
  type EventSink,
  type Logger,
  type LoginAsked,
  type LoginResult,
  PosthouseError,
  type SessionView,
} from '../contract/index.ts';
import { SASL_MECHANISMS, type SaslMechanism, type ScramKeys } from '../smtp/index.ts';

export interface ListedAuthenticator {
  readonly plugin: string;
  readonly authenticator: Authenticator;
  /** The listeners for which it is asked; undefined for all. */
  readonly on: readonly string[] | undefined;
  /** Milliseconds for one call. */
  readonly timeout: number;
  readonly log: Logger;
}

/** What one of them said, or that nobody can tell. `plugin` is null where nobody knows the user. */
export type Said<T> =
  | { readonly said: T; readonly plugin: string }
  | { readonly said: undefined; readonly plugin: null }
  | { readonly failed: true; readonly plugin: string };

/** One asking, which can be given up. */
export interface Inquiry<T> {
  readonly result: Promise<Said<T>>;
  cancel(): void;
}

interface About {
  readonly user: string;
  readonly mechanism: string;
  readonly session: SessionView;
}

type Method = 'verifyPassword' | 'scramKeys' | 'verifyToken';

const METHODS: { readonly [M in SaslMechanism]: Method } = {
  PLAIN: 'verifyPassword',
  LOGIN: 'verifyPassword',
  'SCRAM-SHA-256': 'scramKeys',
  'SCRAM-SHA-256-PLUS': 'scramKeys',
  OAUTHBEARER: 'verifyToken',
  XOAUTH2: 'verifyToken',
};

export class AuthenticatorList {
  /** What a user of SCRAM who does not exist is said to have: what the last real one had. */
  usualIterations = 100_000;
  readonly #members: readonly ListedAuthenticator[];
  readonly #clock: Clock;
  readonly #events: EventSink;

  constructor(members: readonly ListedAuthenticator[], clock: Clock, events: EventSink) {
    this.#members = members;
    this.#clock = clock;
    this.#events = events;
  }

  get size(): number {
    return this.#members.length;
  }

  /** Those that are asked on a listener. */
  on(listener: string): AuthenticatorList {
    const here = this.#members.filter(({ on }) => on === undefined || on.includes(listener));
    return new AuthenticatorList(here, this.#clock, this.#events);
  }

  /** What they can verify at all, in the order of EHLO. */
  possible(): readonly SaslMechanism[] {
    return SASL_MECHANISMS.filter((name) => this.#members.some((member) => able(member, METHODS[name])));
  }

  /** What every user may use now: a client takes the strongest mechanism on offer, and does not try a second one. */
  mechanisms(): readonly SaslMechanism[] {
    const forAll = this.#members
      .filter((member) => able(member, 'verifyPassword') || able(member, 'scramKeys'))
      .every(
        ({ authenticator }) =>
          has(authenticator, 'scramKeys') && authenticator.hasScramKeysForAll?.() !== false,
      );
    return this.possible().filter((name) => forAll || METHODS[name] !== 'scramKeys');
  }

  verifyPassword(about: About, password: string): Inquiry<LoginResult> {
    return this.#ask('verifyPassword', about, { password }, isLoginResult);
  }

  verifyToken(about: About, token: string): Inquiry<LoginResult> {
    return this.#ask('verifyToken', about, { token }, isLoginResult);
  }

  scramKeys(about: About): Inquiry<ScramKeys & { readonly user: string }> {
    return this.#ask('scramKeys', about, {}, areScramKeys);
  }

  #ask<T>(
    method: Method,
    about: About,
    secret: object,
    isLegal: (answer: unknown) => answer is T,
  ): Inquiry<T> {
    const controller = new AbortController();
    const result = this.#inTurn(method, about, secret, isLegal, controller);
    return { result, cancel: () => controller.abort(new Error('the connection is gone')) };
  }

  async #inTurn<T>(
    method: Method,
    about: About,
    secret: object,
    isLegal: (answer: unknown) => answer is T,
    controller: AbortController,
  ): Promise<Said<T>> {
    for (const member of this.#members) {
      if (!able(member, method)) continue;
      const began = this.#clock.now();
      const log = member.log.child({ session: about.session.id });
      const asked: LoginAsked = { ...about, ...secret, log, signal: controller.signal };
      const outcome = await this.#withDeadline(member, method, asked, controller);
      if ('answer' in outcome && outcome.answer === undefined) continue;
      if ('answer' in outcome && isLegal(outcome.answer))
        return { said: outcome.answer, plugin: member.plugin };
      const { problem, error } = 'answer' in outcome ? illegal(method) : outcome;
      this.#events.emit('authenticator-failed', {
        session: about.session.id,
        plugin: member.plugin,
        problem,
        error: error instanceof Error ? error.message : 'something was thrown that is no Error',
        milliseconds: this.#clock.now() - began,
      });
      return { failed: true, plugin: member.plugin };
    }
    return { said: undefined, plugin: null };
  }

  #withDeadline(
    { authenticator, timeout }: ListedAuthenticator,
    method: Method,
    asked: LoginAsked,
    controller: AbortController,
  ): Promise<{ answer: unknown } | { problem: 'threw' | 'timed-out'; error: unknown }> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(timeout, () => {
        const error = new Error(`no answer within ${timeout} ms`);
        resolve({ problem: 'timed-out', error });
        controller.abort(error);
      });
      const call = async (): Promise<unknown> => authenticator[method]?.(asked as never);
      call().then(
        (answer) => {
          timer.stop();
          resolve({ answer });
        },
        (error: unknown) => {
          timer.stop();
          resolve({ problem: 'threw', error });
        },
      );
    });
  }
}

function able({ authenticator }: ListedAuthenticator, method: Method): boolean {
  return has(authenticator, method);
}

function has(authenticator: Authenticator, method: Method): boolean {
  return typeof authenticator[method] === 'function';
}

function illegal(method: Method): { problem: 'illegal-answer'; error: Error } {
  const error = new PosthouseError('plugin-invalid', `${method} answered something that is no answer`);
  return { problem: 'illegal-answer', error };
}

/** A user name that would break a log line or a Received field is nobody's. */
function isUser(user: unknown): boolean {
  return typeof user === 'string' && user !== '' && user.length <= 1024 && !/\p{Cc}/u.test(user);
}

function isLoginResult(answer: unknown): answer is LoginResult {
  if (typeof answer !== 'object' || answer === null) return false;
  const { user, refused } = answer as { user?: unknown; refused?: unknown };
  return refused === undefined ? isUser(user) : typeof refused === 'string' && user === undefined;
}

function areScramKeys(answer: unknown): answer is ScramKeys & { readonly user: string } {
  if (typeof answer !== 'object' || answer === null) return false;
  const { user, salt, iterations, storedKey, serverKey } = answer as Record<string, unknown>;
  return (
    isUser(user) &&
    salt instanceof Uint8Array &&
    salt.length > 0 &&
    Number.isSafeInteger(iterations) &&
    (iterations as number) > 0 &&
    isKey(storedKey) &&
    isKey(serverKey)
  );
}

function isKey(key: unknown): boolean {
  return key instanceof Uint8Array && key.length === 32;
}
