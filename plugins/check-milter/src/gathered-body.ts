// A body that a milter puts in place of the old one, gathered from however many pieces within fixed memory.

import { Nonsense } from './protocol.ts';

const ROOM = 64 * 1024;

export class GatheredBody {
  readonly #most: number;
  readonly #full: Buffer[] = [];
  #room: Buffer | undefined;
  #used = 0;
  #size = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(octets: Buffer): void {
    this.#size += octets.length;
    if (this.#size > this.#most) throw new Nonsense(`a body of more than ${this.#most} octets`);
    this.#room ??= Buffer.allocUnsafe(ROOM);
    for (let at = 0; at < octets.length; ) {
      const taken = octets.copy(this.#room, this.#used, at);
      this.#used += taken;
      at += taken;
      if (this.#used < ROOM) continue;
      this.#full.push(this.#room);
      this.#room = Buffer.allocUnsafe(ROOM);
      this.#used = 0;
    }
  }

  /** Undefined where there was no piece at all, not even an empty one. */
  octets(): Buffer | undefined {
    if (this.#room === undefined) return undefined;
    return Buffer.concat([...this.#full, this.#room.subarray(0, this.#used)]);
  }
}
