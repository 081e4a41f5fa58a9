// The worker thread for hashes that only JavaScript computes: bcrypt and crypt. The event loop goes on meanwhile.

import { parentPort } from 'node:worker_threads';
import bcrypt from 'bcryptjs';
import { crypt } from './crypt.ts';

export interface HashTask {
  readonly id: number;
  readonly password: string;
  /** The stored hash, whose setting the password is hashed with. */
  readonly hash: string;
}
export type HashDone =
  | { readonly id: number; readonly hash: string }
  | { readonly id: number; readonly error: string };

parentPort?.on('message', ({ id, password, hash }: HashTask) => {
  let done: HashDone;
  try {
    const computed = hash.startsWith('$2')
      ? bcrypt.hashSync(password, hash.slice(0, 29))
      : crypt(password, hash);
    done = computed === undefined ? { id, error: 'no such hash' } : { id, hash: computed };
  } catch (error) {
    done = { id, error: error instanceof Error ? error.message : 'the hash could not be computed' };
  }
  parentPort?.postMessage(done);
});
