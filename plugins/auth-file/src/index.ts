// Knows users and their passwords from a file.
// Not for: users of a directory or a database (auth-http), those of Dovecot (auth-dovecot).

import { Authenticator, Clock, definePlugin, FilePath, Type } from '@posthouse/core';
import { fileAuthenticator } from './authenticator.ts';
import { HashThread } from './hash-thread.ts';
import { LiveFile } from './live-file.ts';

/** For `posthouse passwd`. */
export { deleteUser, setPassword, verifyPassword } from './edit.ts';

export default definePlugin({
  name: 'auth-file',
  config: Type.Object(
    {
      path: FilePath({
        description: 'The file: `user:hash` lines and `#` comments. `posthouse passwd` writes them.',
      }),
    },
    { additionalProperties: false },
  ),
  needs: { clock: Clock },
  provides: { authenticator: Authenticator },
  setup({ config, clock, log }) {
    const thread = new HashThread();
    const file = new LiveFile(config.path, clock, log);
    return {
      describe: () => `users and passwords are in ${config.path}`,
      services: { authenticator: fileAuthenticator(file, thread) },
      start: () => file.start(),
      stop: () => thread.stop(),
    };
  },
});
