// A standstill: while it lasts the scheduler takes nothing from the store, so that whatever is not in memory stays as
// whoever looks finds it. One at a time; deliveries that are in memory go on.

export class Standstill {
  #last: Promise<unknown> = Promise.resolve();
  #active = false;
  readonly #left = new Set<string>();

  get active(): boolean {
    return this.#active;
  }

  /** An item has left memory with a new state: what was read of it since the standstill began may be out of date. */
  left(item: string): void {
    if (this.#active) this.#left.add(item);
  }

  hasLeft(item: string): boolean {
    return this.#left.has(item);
  }

  /** Runs `act` after every earlier one. @param taken resolves when what is being taken from the store is in memory */
  run<T>(taken: () => Promise<void> | undefined, act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(async () => {
      this.#active = true;
      try {
        await taken();
        return await act();
      } finally {
        this.#active = false;
        this.#left.clear();
      }
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
