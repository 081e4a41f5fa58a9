// How long a next hop may take for what: the time-outs of RFC 5321 §4.5.3.2, by the reply that is due.

import type { Awaited } from '@posthouse/core/smtp';
import type { Config } from './config.ts';

/** Milliseconds for the reply to QUIT, and for whatever lingers on a socket that we have closed. */
export const QUIT_PATIENCE = 5000;

/** Milliseconds. With no reply due a connection is being made, or waits for its next message. */
export function patienceFor(awaiting: Awaited | undefined, opening: boolean, config: Config): number {
  switch (awaiting) {
    case undefined:
      return opening ? config.connectTimeout : config.idleTimeout;
    case 'greeting':
    case 'ehlo':
    case 'helo':
    case 'starttls':
      return config.greetingTimeout;
    case 'rset':
    case 'mail':
      return config.mailTimeout;
    case 'rcpt':
      return config.rcptTimeout;
    case 'data':
      return config.dataTimeout;
    case 'message':
      return config.finalTimeout;
    case 'quit':
      return QUIT_PATIENCE;
  }
}
