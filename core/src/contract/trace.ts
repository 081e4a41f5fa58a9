// The trace: what happened to each message and each connection, kept for those who ask why. A plugin provides it.

import type { EventName } from './events.ts';
import { type Token, token } from './token.ts';

/** An event as it was kept. */
export interface TracedEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly name: EventName;
  /** Partly from outside: escape it before it is shown. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What is known of one message, or of a connection or transaction that brought none. */
export interface Story {
  readonly session?: string;
  readonly message?: string;
  /** In the order of their time. */
  readonly events: readonly TracedEvent[];
}

export interface Trace {
  /**
   * The stories that a word leads to, the newest first: the id of a message, a queue item or a session, a mail address,
   * an IP address. What was traced before the call is in them. May be asked of a plugin that is not started: then it
   * reads what an earlier run has kept.
   */
  find(word: string, limit: number): Promise<readonly Story[]>;
}
export const Trace: Token<Trace> = token<Trace>('Trace');
