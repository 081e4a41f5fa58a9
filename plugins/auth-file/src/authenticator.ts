// Holds passwords against the file. Whoever does not exist costs the same work as a wrong password.

import type { Authenticator } from '@posthouse/core';
import type { HashThread } from './hash-thread.ts';
import type { LiveFile } from './live-file.ts';
import { parseStored, type StoredPassword, verify } from './schemes.ts';

/** A password that nobody has, for users who do not exist in a file without any. */
const NOBODY = parseStored(
  '$scrypt$ln=15,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
) as StoredPassword;

/** Checks that run at a time: each takes a thread of the pool that files and names need too, and 32 MiB. */
const AT_A_TIME = 2;
const MAX_WAITING = 100;

export function fileAuthenticator(file: LiveFile, thread: HashThread): Authenticator {
  const turns = new Turns();
  return {
    async verifyPassword({ user, password, signal }) {
      await file.refreshed();
      const known = file.users.get(user);
      const [example] = file.users.values();
      const stored = known ?? example ?? NOBODY;
      const good = await turns.run(signal, () => verify(password, stored, thread));
      if (known === undefined) return undefined;
      return good ? { user } : { refused: 'wrong-password' };
    },
    async scramKeys({ user }) {
      await file.refreshed();
      const stored = file.users.get(user);
      return stored?.scheme === 'scram-sha-256' ? { ...stored, user } : undefined;
    },
    hasScramKeysForAll() {
      return (
        file.users.size > 0 && [...file.users.values()].every(({ scheme }) => scheme === 'scram-sha-256')
      );
    },
  };
}

/** A few at a time, the others in the order in which they came. */
class Turns {
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  async run<T>(signal: AbortSignal, act: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_A_TIME) {
      if (this.#waiting.length >= MAX_WAITING) throw new Error('too many passwords wait for their check');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running += 1;
    try {
      // Nobody waits for it any more.
      signal.throwIfAborted();
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
