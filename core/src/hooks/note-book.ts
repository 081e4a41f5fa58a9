// The notes of one connection or of one message on it: a message's notes see those of its connection.

import type { Json, Note, WritableNotes } from '../contract/index.ts';

const NOTHING: Readonly<Record<string, Json>> = Object.freeze({});

export class NoteBook implements WritableNotes {
  readonly #outer: NoteBook | undefined;
  // Most messages carry no note, so the map is made with the first one.
  #entries: Map<string, Json> | undefined;

  constructor(outer?: NoteBook) {
    this.#outer = outer;
  }

  get<T extends Json>(of: Note<T>): T | undefined {
    const own = this.#entries?.get(of.name) as T | undefined;
    return own === undefined ? this.#outer?.get(of) : own;
  }

  set<T extends Json>(of: Note<T>, value: T): void {
    this.#entries ??= new Map();
    this.#entries.set(of.name, value);
  }

  /** All that is visible from here, as it travels with the queue item. */
  toJSON(): Readonly<Record<string, Json>> {
    const outer = this.#outer?.toJSON() ?? NOTHING;
    return this.#entries === undefined ? outer : { ...outer, ...Object.fromEntries(this.#entries) };
  }
}
