// The connections that are open: those kept for the next message to the same destination, the bound on connections
// to one address, and the one timer that all time-outs go by.

import type { Clock, SharedConnections, Timer } from '../contract/index.ts';
import { Connection } from './connection.ts';
import type { ConnectionSettings, TlsMode } from './settings.ts';
import { type Target, targetKey } from './target.ts';
import type { Trouble } from './trouble.ts';

/** How late a time-out may be noticed, and an abort. */
const TICK = 1000;
/** Connections kept at a time; the longest unused goes first. */
const MAX_IDLE = 500;

/** Hosts of which is remembered that BDAT is not for them, though they offer it. */
const MAX_WITHOUT_CHUNKS = 1000;

interface Waiting {
  readonly aborted: () => boolean;
  readonly go: (admitted: boolean) => void;
}

export class Pool {
  readonly #settings: ConnectionSettings;
  readonly #clock: Clock;
  readonly #open = new Set<Connection>();
  /** By destination, the last used at the end. */
  readonly #idle = new Map<string, Connection[]>();
  #idleCount = 0;
  /** Connections by address and port, for the bound on them. */
  readonly #perHost = new Map<string, number>();
  readonly #waiting = new Map<string, Waiting[]>();
  /** Open connections by what the destinations are called that share them. */
  readonly #shared = new Map<string, Set<Connection>>();
  readonly #withoutChunks = new Set<string>();
  #timer: Timer | undefined;
  #stopped = false;
  #whenEmpty: (() => void) | undefined;

  constructor(settings: ConnectionSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#clock.now();
  }

  /** Whether a message may go as a chunk to a host that offers it. */
  takesChunks(target: Target): boolean {
    return this.#withoutChunks.size === 0 || !this.#withoutChunks.has(targetKey(target));
  }

  /** It has shown that it does not know BDAT. */
  refusesChunks(target: Target): void {
    if (this.#withoutChunks.size >= MAX_WITHOUT_CHUNKS) this.#withoutChunks.clear();
    this.#withoutChunks.add(targetKey(target));
  }

  start(): void {
    this.#timer = this.#clock.every(TICK, () => this.#tick());
  }

  /** Says QUIT on what is idle and cuts off the rest. Resolves when every socket is closed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const waiting of [...this.#waiting.values()].flat()) waiting.go(false);
    this.#waiting.clear();
    for (const connection of this.#open) connection.quit();
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => {
        this.#whenEmpty = resolve;
      });
    }
    this.#timer?.stop();
  }

  /** A kept connection for the destination; the caller gives it back with `give`, whatever has become of it. */
  take(destination: string): Connection | undefined {
    const kept = this.#idle.get(destination);
    while (kept !== undefined && kept.length > 0) {
      const connection = kept.pop() as Connection;
      this.#idleCount--;
      if (kept.length === 0) this.#idle.delete(destination);
      if (connection.isReady) return connection;
    }
    return undefined;
  }

  /** Keeps the connection for the next message, or closes it. */
  give(destination: string, connection: Connection): void {
    if (!connection.isReady) return;
    if (connection.isWorn || this.#stopped || this.#waiting.has(targetKey(connection.target))) {
      connection.quit();
      return;
    }
    if (this.#idleCount >= MAX_IDLE) this.#closeOldest(() => true);
    const kept = this.#idle.get(destination);
    if (kept === undefined) this.#idle.set(destination, [connection]);
    else kept.push(connection);
    this.#idleCount++;
  }

  /**
   * A new connection, or why there is none.
   * @param shared with whom it shares its hosts: where it would be one too many, one that is kept is closed
   */
  async open(
    target: Target,
    tls: TlsMode,
    aborted: () => boolean,
    shared?: SharedConnections,
  ): Promise<Connection | Trouble> {
    if (!(await this.#admit(target, aborted))) return { kind: 'aborted', text: 'the attempt was aborted' };
    const key = targetKey(target);
    const sharers = shared && this.#makeRoom(shared);
    const connection = new Connection(target, this.#settings, tls, this.#clock, aborted, () => {
      this.#open.delete(connection);
      if (shared !== undefined) this.#leave(shared, connection);
      this.#release(key);
      if (this.#open.size === 0) this.#whenEmpty?.();
    });
    this.#open.add(connection);
    sharers?.add(connection);
    const trouble = await connection.opened();
    if (trouble === undefined) return connection;
    const { localAddress } = connection;
    return localAddress === undefined ? trouble : { ...trouble, localAddress };
  }

  #admit(target: Target, aborted: () => boolean): boolean | Promise<boolean> {
    if (this.#stopped) return false;
    const key = targetKey(target);
    const count = this.#perHost.get(key) ?? 0;
    const { maxConnectionsPerHost } = this.#settings;
    if (maxConnectionsPerHost === undefined || count < maxConnectionsPerHost) {
      this.#perHost.set(key, count + 1);
      return true;
    }
    return new Promise((go) => {
      const queue = this.#waiting.get(key);
      if (queue === undefined) this.#waiting.set(key, [{ aborted, go }]);
      else queue.push({ aborted, go });
      // One that is kept for another destination makes room.
      this.#closeOldest((idle) => targetKey(idle.target) === key);
    });
  }

  #makeRoom({ key, connections }: SharedConnections): Set<Connection> {
    let sharers = this.#shared.get(key);
    if (sharers === undefined) {
      sharers = new Set();
      this.#shared.set(key, sharers);
    }
    const kept = sharers;
    for (let excess = kept.size + 1 - connections; excess > 0; excess--)
      this.#closeOldest((idle) => kept.has(idle));
    return kept;
  }

  #leave({ key }: SharedConnections, connection: Connection): void {
    const sharers = this.#shared.get(key);
    if (sharers?.delete(connection) && sharers.size === 0) this.#shared.delete(key);
  }

  #release(key: string): void {
    const queue = this.#waiting.get(key);
    const next = queue?.shift();
    if (queue?.length === 0) this.#waiting.delete(key);
    // The place goes from one to the other, so the count stays.
    if (next !== undefined) next.go(true);
    else {
      const count = (this.#perHost.get(key) ?? 1) - 1;
      if (count > 0) this.#perHost.set(key, count);
      else this.#perHost.delete(key);
    }
  }

  #closeOldest(which: (connection: Connection) => boolean): void {
    for (const [destination, kept] of this.#idle) {
      const index = kept.findIndex(which);
      if (index === -1) continue;
      const [connection] = kept.splice(index, 1);
      this.#idleCount--;
      if (kept.length === 0) this.#idle.delete(destination);
      connection?.quit();
      return;
    }
  }

  #tick(): void {
    const now = this.#clock.now();
    for (const connection of this.#open) connection.tick(now);
    for (const [destination, kept] of this.#idle) {
      const ready = kept.filter((connection) => connection.isReady);
      this.#idleCount -= kept.length - ready.length;
      if (ready.length === 0) this.#idle.delete(destination);
      else if (ready.length < kept.length) this.#idle.set(destination, ready);
    }
    for (const [key, queue] of this.#waiting) {
      const patient = queue.filter(({ aborted, go }) => {
        if (!aborted()) return true;
        go(false);
        return false;
      });
      if (patient.length === 0) this.#waiting.delete(key);
      else this.#waiting.set(key, patient);
    }
  }
}
