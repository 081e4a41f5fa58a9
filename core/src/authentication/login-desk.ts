// Answers the login questions of one session: limits first, then the Authenticators, then count, delay and tell.

import type { Clock, EventSink, LoginResult, SessionView } from '../contract/index.ts';
import type { Login, LoginAnswer } from '../smtp/index.ts';
import type { AuthenticatorList, Inquiry, Said } from './authenticator-list.ts';
import { keysOfNobody } from './scram-crypto.ts';

/** Failed logins by address. */
export interface LoginFailures {
  /** Whether nothing from there is listened to any more. */
  isBlocked(address: string, now: number): boolean;
  /**
   * Counts a failure.
   * @param credentials whatever the client brought: the same again is no new failure; undefined where nobody can tell
   * @returns milliseconds that the answer should wait
   */
  failed(address: string, credentials: string | undefined, now: number): number;
}

/** What the sessions of a listener share. */
export interface LoginServices {
  readonly authenticators: AuthenticatorList;
  readonly failures: LoginFailures;
  readonly clock: Clock;
  readonly events: EventSink;
}

const BLOCKED = 'Too many authentication failures from your address';
const REJECTED: LoginAnswer = {
  kind: 'reject',
  status: '5.7.8',
  text: 'Authentication credentials invalid',
  code: 535,
};
const UNAVAILABLE: LoginAnswer = {
  kind: 'defer',
  status: '4.7.0',
  text: 'Temporary authentication failure',
  code: 454,
};

export class LoginDesk {
  readonly #services: LoginServices;
  readonly #session: SessionView;
  /** Who decides about the SCRAM exchange that is under way. */
  #scramPlugin: string | null = null;
  #inquiry: Inquiry<unknown> | undefined;

  constructor(session: SessionView, services: LoginServices) {
    this.#session = session;
    this.#services = services;
  }

  /** Never rejects. */
  async answer(login: Login): Promise<LoginAnswer> {
    const { clock, failures } = this.#services;
    const began = clock.now();
    const user = login.kind === 'scram-proof' ? login.claimed : login.user;
    if (failures.isBlocked(this.#session.remoteAddress, began)) {
      this.#tellFailure(login, user, 'too-many-failures', null, began);
      return { kind: 'disconnect', text: BLOCKED };
    }
    if (login.kind === 'scram-keys') return this.#scramKeys(login, began);
    if (login.kind === 'scram-proof') return this.#scramProof(login, began);
    const { authenticators } = this.#services;
    const about = { user, mechanism: login.mechanism, session: this.#session };
    const said = await this.#until(
      login.kind === 'password'
        ? authenticators.verifyPassword(about, login.password)
        : authenticators.verifyToken(about, login.token),
    );
    const secret = login.kind === 'password' ? login.password : login.token;
    return this.#judge(login, user, said, `${user}\0${secret}`, began);
  }

  /** Nobody waits for an answer any more. */
  cancel(): void {
    this.#inquiry?.cancel();
  }

  async #scramKeys(login: Extract<Login, { kind: 'scram-keys' }>, began: number): Promise<LoginAnswer> {
    const { user, mechanism } = login;
    const { authenticators } = this.#services;
    const said = await this.#until(authenticators.scramKeys({ user, mechanism, session: this.#session }));
    if ('failed' in said) return this.#unavailable(login, user, said.plugin, began);
    this.#scramPlugin = said.plugin;
    if (said.said === undefined) {
      const keys = keysOfNobody(user, authenticators.usualIterations);
      return { kind: 'scram-keys', user: undefined, keys };
    }
    authenticators.usualIterations = said.said.iterations;
    return { kind: 'scram-keys', user: said.said.user, keys: said.said };
  }

  #scramProof(
    login: Extract<Login, { kind: 'scram-proof' }>,
    began: number,
  ): LoginAnswer | Promise<LoginAnswer> {
    const { user, claimed, valid } = login;
    const plugin = this.#scramPlugin;
    if (valid && user !== undefined && plugin !== null) return this.#accept(login, user, plugin, began);
    const reason = user === undefined ? 'unknown-user' : 'wrong-password';
    // Every proof is another one, though the password be the same.
    return this.#reject(login, claimed, reason, plugin, undefined, began);
  }

  #judge(
    login: Login,
    user: string,
    said: Said<LoginResult>,
    credentials: string,
    began: number,
  ): LoginAnswer | Promise<LoginAnswer> {
    if ('failed' in said) return this.#unavailable(login, user, said.plugin, began);
    if (said.said === undefined) return this.#reject(login, user, 'unknown-user', null, credentials, began);
    if ('user' in said.said) return this.#accept(login, said.said.user, said.plugin, began);
    return this.#reject(login, user, said.said.refused, said.plugin, credentials, began);
  }

  #accept({ mechanism }: Login, user: string, plugin: string, began: number): LoginAnswer {
    const { id, listener, remoteAddress } = this.#session;
    const { clock, events } = this.#services;
    events.emit('authentication-succeeded', {
      session: id,
      listener,
      remoteAddress,
      mechanism,
      user,
      plugin,
      milliseconds: clock.now() - began,
    });
    return { kind: 'accept', user };
  }

  #unavailable(login: Login, user: string, plugin: string, began: number): LoginAnswer {
    this.#tellFailure(login, user, 'unavailable', plugin, began);
    return UNAVAILABLE;
  }

  #reject(
    login: Login,
    user: string,
    reason: string,
    plugin: string | null,
    credentials: string | undefined,
    began: number,
  ): Promise<LoginAnswer> {
    const { clock, failures } = this.#services;
    this.#tellFailure(login, user, reason, plugin, began);
    const delay = failures.failed(this.#session.remoteAddress, credentials, clock.now());
    if (delay === 0) return Promise.resolve(REJECTED);
    return new Promise((resolve) => {
      clock.after(delay, () => resolve(REJECTED));
    });
  }

  async #until<T>(inquiry: Inquiry<T>): Promise<Said<T>> {
    this.#inquiry = inquiry;
    const said = await inquiry.result;
    this.#inquiry = undefined;
    return said;
  }

  #tellFailure(login: Login, user: string, reason: string, plugin: string | null, began: number): void {
    const { id, listener, remoteAddress } = this.#session;
    const { clock, events } = this.#services;
    events.emit('authentication-failed', {
      session: id,
      listener,
      remoteAddress,
      mechanism: login.mechanism,
      user,
      reason,
      plugin,
      milliseconds: clock.now() - began,
    });
  }
}
