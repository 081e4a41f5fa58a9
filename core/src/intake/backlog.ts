// The octets of messages that are in memory and not yet durable, of all clients together: when the store cannot keep up,
// they are what grows. Beyond the limit no new message is begun, beyond twice the limit none goes on.

/**
 * A message of more octets than this is not counted any more: stores write such a body to the disk while it arrives, and
 * make its client wait for the disk.
 */
const COUNTED = 262_144;

export class Backlog {
  readonly #limit: number;
  #octets = 0;

  /** @param limit octets */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** No new message should be begun. */
  get isFull(): boolean {
    return this.#octets >= this.#limit;
  }

  /** Those who had been let in bring too much as well. @param size of a message that goes on */
  refuses(size: number): boolean {
    return size <= COUNTED && this.#octets >= 2 * this.#limit;
  }

  /** @param size octets of a message now @param counted of them before @returns of them now */
  count(size: number, counted: number): number {
    const now = size > COUNTED ? 0 : size;
    this.#octets += now - counted;
    return now;
  }
}
