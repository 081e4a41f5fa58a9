// The listening sockets of the server: opened together, exchanged while the server runs, drained together.

import type { Clock, Identifiers } from '../contract/index.ts';
import {
  type Admission,
  type ConnectionContext,
  Listener,
  type ListenerAddress,
} from '../reception/index.ts';
import { hasSameAddress } from './changes.ts';
import type { ResolvedListener } from './listener-definition.ts';

type Contexts = ReadonlyMap<ResolvedListener, ConnectionContext>;

interface Door {
  readonly listener: Listener;
  readonly definition: ResolvedListener;
  /** Set while it listens. */
  address: ListenerAddress | undefined;
}

export class Doors {
  readonly #admission: Admission;
  readonly #identifiers: Identifiers;
  readonly #clock: Clock;
  #doors: readonly Door[];
  /** No new clients; the last ones are on their way out. */
  readonly #closing = new Map<Listener, Promise<void>>();

  constructor(contexts: Contexts, admission: Admission, identifiers: Identifiers, clock: Clock) {
    this.#admission = admission;
    this.#identifiers = identifiers;
    this.#clock = clock;
    this.#doors = this.#made(contexts);
  }

  get listeners(): readonly Listener[] {
    return this.#doors.map(({ listener }) => listener);
  }

  get addresses(): readonly ListenerAddress[] {
    return this.#doors.flatMap(({ address }) => address ?? []);
  }

  /** Clients that are here. */
  get connections(): number {
    return [...this.listeners, ...this.#closing.keys()].reduce(
      (sum, { connections }) => sum + connections,
      0,
    );
  }

  /** Rejects with `listen-failed`; then none is open. */
  open(): Promise<void> {
    return open(this.#doors);
  }

  /** Opens what the new contexts have that is not open yet. Rejects with `listen-failed`; then nothing has changed. */
  async openOthers(contexts: Contexts): Promise<readonly Door[]> {
    const others = [...contexts].filter(([wanted]) => this.#doorOf(wanted) === undefined);
    const doors = this.#made(new Map(others));
    await open(doors);
    return doors;
  }

  /**
   * From now on clients are served in the new contexts. What is not among them is closed, and its last clients have
   * until the deadline. @param opened by `openOthers` @returns `free` resolves when all earlier clients have gone
   */
  exchange(
    contexts: Contexts,
    opened: readonly Door[],
    patience: number,
  ): { readonly closed: readonly string[]; readonly free: Promise<unknown> } {
    const leaving: Promise<unknown>[] = [];
    const kept = [...contexts].map(([definition, context]): Door => {
      const door = opened.find((one) => one.definition === definition);
      if (door !== undefined) return door;
      const { listener, address } = this.#doorOf(definition) as Door;
      leaving.push(listener.adopt(context));
      return { listener, address, definition };
    });
    const stay = new Set(kept.map(({ listener }) => listener));
    const gone = this.listeners.filter((listener) => !stay.has(listener));
    this.#doors = kept;
    for (const listener of gone) leaving.push(this.#close(listener, patience));
    return { closed: gone.map(({ name }) => name), free: Promise.all(leaving) };
  }

  /** No new clients. Resolves when every connection has ended, or been cut off after `patience` milliseconds. */
  async drain(patience: number): Promise<void> {
    const listeners = [...this.listeners, ...this.#closing.keys()];
    await Promise.all(listeners.map((listener) => this.#close(listener, patience)));
  }

  async #close(listener: Listener, patience: number): Promise<void> {
    const cut = this.#clock.after(patience, () => listener.close());
    const drained = this.#closing.get(listener) ?? listener.drain();
    this.#closing.set(listener, drained);
    await drained;
    cut.stop();
    listener.close();
    this.#closing.delete(listener);
  }

  #doorOf(wanted: ResolvedListener): Door | undefined {
    return this.#doors.find(({ definition }) => hasSameAddress(definition, wanted));
  }

  #made(contexts: Contexts): readonly Door[] {
    return [...contexts].map(([definition, context]) => ({
      listener: new Listener(context, this.#admission, this.#identifiers),
      definition,
      address: undefined,
    }));
  }
}

async function open(doors: readonly Door[]): Promise<void> {
  try {
    for (const door of doors)
      door.address = await door.listener.listen(door.definition.host, door.definition.port);
  } catch (error) {
    for (const { listener } of doors) listener.close();
    throw error;
  }
}
