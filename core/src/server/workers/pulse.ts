// Whether a worker still takes its turns, from the signs of life that it counts up. Pure.

/** Milliseconds between two looks. */
export const LOOK = 5000;
/** Looks without a sign of life after which a worker is ended: it hangs in some plugin's code. */
export const LOOKS = 6;

export class Pulse {
  #beats = 0;
  #silent = 0;

  /** A new worker begins. */
  restart(beats: number): void {
    this.#beats = beats;
    this.#silent = 0;
  }

  /** @param beats that it has counted until now @returns whether it has been silent for too long */
  isLost(beats: number): boolean {
    this.#silent = beats === this.#beats ? this.#silent + 1 : 0;
    this.#beats = beats;
    return this.#silent >= LOOKS;
  }
}
