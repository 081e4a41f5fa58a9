// Whose failures they are: events name a session, counts need the address of its client. Bounded by the open connections.

import type { Events, Observers } from '@posthouse/core';

/** @param failed is told the address of each client that has failed: was refused, or could not authenticate. */
export function observeFailures(failed: (address: string) => void): Observers {
  const addresses = new Map<string, string>();
  const failedIn = (session: string): void => {
    const address = addresses.get(session);
    if (address !== undefined) failed(address);
  };
  return {
    'connection-opened': ({ session, remoteAddress }) => {
      addresses.set(session, remoteAddress);
    },
    'client-introduced': ({ session, by, remoteAddress }) => {
      // XFORWARD only tells of another client, XCLIENT makes it the one.
      if (by === 'XCLIENT' && remoteAddress !== undefined) addresses.set(session, remoteAddress);
    },
    'connection-closed': ({ session }) => {
      addresses.delete(session);
    },
    'authentication-failed': ({ session }) => failedIn(session),
    'command-refused': ({ session, code }) => {
      if (code >= 500) failedIn(session);
    },
    'verdict-given': ({ session, verdict, applied, plugin, reason }: Events['verdict-given']) => {
      // Our own refusals are no failures of the client beyond what they were for.
      if (!applied || verdict !== 'reject') return;
      if (plugin !== 'check-limits' || reason?.startsWith('limits.') !== true) failedIn(session);
    },
  };
}
