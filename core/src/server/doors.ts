// The listening sockets of the server: opened together, exchanged while the server runs, drained together.

import type { Clock, Identifiers } from '../contract/index.ts';
import {
  type Admission,
  type ConnectionContext,
  Listener,
  type ListenerAddress,
} from '../reception/index.ts';
import type { Arrangement } from './arrangement.ts';
import type { ReceivingHouse } from './assembly.ts';
import { hasSameAddress } from './changes.ts';
import type { Entrance, PreparedChange } from './entrance.ts';
import type { ResolvedListener } from './listener-definition.ts';

type Contexts = ReadonlyMap<ResolvedListener, ConnectionContext>;

/** The port that all threads take for a listener. */
export type SharedPorts = (name: string, host: string) => number | undefined;

interface Door {
  readonly listener: Listener;
  readonly definition: ResolvedListener;
  /** Set while it listens. */
  address: ListenerAddress | undefined;
}

export class Doors implements Entrance {
  readonly #admission: Admission;
  readonly #identifiers: Identifiers;
  readonly #clock: Clock;
  readonly #shared: SharedPorts | undefined;
  #doors: readonly Door[];
  /** No new clients; the last ones are on their way out. */
  readonly #closing = new Map<Listener, Promise<void>>();

  /** @param shared where other threads listen on the same ports */
  constructor(
    contexts: Contexts,
    admission: Admission,
    identifiers: Identifiers,
    clock: Clock,
    shared?: SharedPorts,
  ) {
    this.#admission = admission;
    this.#identifiers = identifiers;
    this.#clock = clock;
    this.#shared = shared;
    this.#doors = this.#made(contexts);
  }

  get listeners(): readonly Listener[] {
    return this.#doors.map(({ listener }) => listener);
  }

  get addresses(): readonly ListenerAddress[] {
    return this.#doors.flatMap(({ address }) => address ?? []);
  }

  get connections(): number {
    return [...this.listeners, ...this.#closing.keys()].reduce(
      (sum, { connections }) => sum + connections,
      0,
    );
  }

  open(): Promise<void> {
    return this.#openAll(this.#doors);
  }

  async prepare({ contexts, definition }: Arrangement<ReceivingHouse>): Promise<PreparedChange> {
    const others = [...contexts].filter(([wanted]) => this.#doorOf(wanted) === undefined);
    const opened = this.#made(new Map(others));
    await this.#openAll(opened);
    return {
      opened: opened.map(({ listener: { name } }) => name),
      apply: () => this.#exchange(contexts, opened, definition.deadlines.drain),
      abandon: () => {
        for (const { listener } of opened) listener.close();
      },
    };
  }

  #exchange(
    contexts: Contexts,
    opened: readonly Door[],
    patience: number,
  ): ReturnType<PreparedChange['apply']> {
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
    return { closed: gone.map(({ name }) => name), done: Promise.resolve(), free: Promise.all(leaving) };
  }

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

  /** Rejects with `listen-failed`; then none of them is open. */
  async #openAll(doors: readonly Door[]): Promise<void> {
    try {
      for (const door of doors) {
        const { name, host, port } = door.definition;
        const taken = this.#shared?.(name, host) ?? port;
        door.address = await door.listener.listen(host, taken, this.#shared !== undefined);
      }
    } catch (error) {
      for (const { listener } of doors) listener.close();
      throw error;
    }
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
