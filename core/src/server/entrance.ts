// Where clients come in: the listening sockets of this thread (doors.ts), or those of receiving workers (workers/).
// What a server wants of either.

import type { Listener, ListenerAddress } from '../reception/index.ts';
import type { Arrangement } from './arrangement.ts';
import type { ReceivingHouse } from './assembly.ts';

export interface Entrance {
  /** Those of this thread. */
  readonly listeners: readonly Listener[];
  /** Empty before `open`. */
  readonly addresses: readonly ListenerAddress[];
  /** Clients that are here. */
  readonly connections: number;
  /** Rejects with a PosthouseError; then nothing is open. */
  open(): Promise<void>;
  /** Opens what a new arrangement has that is not open yet. Rejects with a PosthouseError; then nothing has changed. */
  prepare(after: Arrangement<ReceivingHouse>): Promise<PreparedChange>;
  /** No new clients. Resolves when every connection has ended, or been cut off after `patience` milliseconds. */
  drain(patience: number): Promise<void>;
}

export interface PreparedChange {
  /** Names of listeners. */
  readonly opened: readonly string[];
  /**
   * From now on clients are served as the new arrangement says; listeners that it does not have are closed, and their
   * clients have `deadlines.drain` to end.
   * @returns `done` resolves when every thread does so, `free` when all earlier clients have gone
   */
  apply(): {
    readonly closed: readonly string[];
    readonly done: Promise<unknown>;
    readonly free: Promise<unknown>;
  };
  /** Nothing comes of it. */
  abandon(): void;
}
