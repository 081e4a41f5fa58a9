// Lets so many through at a time; the others wait in their order.

export class Turnstile {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  /** Resolves with what gives the place back. Rejects when the signal comes first. */
  enter(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const next = this.#waiting.shift();
        if (next === undefined) this.#free += 1;
        else next();
      };
      if (this.#free > 0) {
        this.#free -= 1;
        resolve(leave);
        return;
      }
      const enter = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve(leave);
      };
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(enter);
    });
  }
}
