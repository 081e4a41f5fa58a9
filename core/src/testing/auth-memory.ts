// An Authenticator over a table of passwords: users for tests, without any cost of hashing.

import { pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { scramHash, scramHmac } from '../authentication/index.ts';
import { Authenticator, type ConfiguredPlugin, definePlugin, type LoginResult } from '../contract/index.ts';

export interface MemoryUsersOptions {
  /** The plugin's name. Default `auth-memory`. */
  readonly name?: string;
  /** Passwords by user. */
  readonly users: Readonly<Record<string, string>>;
  /** Users by bearer token. With them OAUTHBEARER and XOAUTH2 can be verified. */
  readonly tokens?: Readonly<Record<string, string>>;
  /** false: SCRAM cannot be verified. Default true. */
  readonly scram?: boolean;
}

/** Few, since the passwords are known anyway; RFC 7677 §4 asks for no less. */
const ITERATIONS = 4096;

export function authMemory({ name, users, tokens, scram }: MemoryUsersOptions): ConfiguredPlugin {
  const passwords = new Map(Object.entries(users));
  const bearers = tokens === undefined ? undefined : new Map(Object.entries(tokens));
  const authenticator: Authenticator = {
    verifyPassword({ user, password }): LoginResult | undefined {
      const right = passwords.get(user);
      if (right === undefined) return undefined;
      return timingSafeEqual(scramHash(Buffer.from(right)), scramHash(Buffer.from(password)))
        ? { user }
        : { refused: 'wrong-password' };
    },
    ...(scram !== false && {
      scramKeys({ user }) {
        const password = passwords.get(user);
        if (password === undefined) return undefined;
        const salt = scramHash(Buffer.from(user)).subarray(0, 16);
        const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
        return {
          user,
          salt,
          iterations: ITERATIONS,
          storedKey: scramHash(scramHmac(salted, Buffer.from('Client Key'))),
          serverKey: scramHmac(salted, Buffer.from('Server Key')),
        };
      },
    }),
    ...(bearers !== undefined && {
      verifyToken({ user, token }): LoginResult | undefined {
        const owner = bearers.get(token);
        if (owner === undefined) return undefined;
        return user === '' || user === owner ? { user: owner } : { refused: 'not-the-token-of-this-user' };
      },
    }),
  };
  return definePlugin({
    name: name ?? 'auth-memory',
    provides: { authenticator: Authenticator },
    setup: () => ({ services: { authenticator } }),
  })();
}
