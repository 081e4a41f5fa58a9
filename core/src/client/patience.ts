// How long a next hop may take for what: the time-outs of RFC 5321 §4.5.3.2, by the reply that is due.

import type { Awaited } from '../smtp/index.ts';
import type { ConnectionSettings } from './settings.ts';

/** Milliseconds for the reply to QUIT, and for whatever lingers on a socket that we have closed. */
export const QUIT_PATIENCE = 5000;

/** Milliseconds. With no reply due a connection is being made, or waits for its next message. */
export function patienceFor(
  awaiting: Awaited | undefined,
  opening: boolean,
  settings: ConnectionSettings,
): number {
  switch (awaiting) {
    case undefined:
      return opening ? settings.connectTimeout : settings.idleTimeout;
    case 'greeting':
    case 'ehlo':
    case 'helo':
    case 'lhlo':
    case 'starttls':
    case 'auth':
      return settings.greetingTimeout;
    case 'rset':
    case 'mail':
      return settings.mailTimeout;
    case 'rcpt':
      return settings.rcptTimeout;
    case 'data':
      return settings.dataTimeout;
    case 'message':
      return settings.finalTimeout;
    case 'quit':
      return QUIT_PATIENCE;
  }
}
