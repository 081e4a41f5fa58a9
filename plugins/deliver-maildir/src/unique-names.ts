// Names for files in a Maildir that nobody else gives, on this host or on another that shares the folder.

import type { Chance, Clock } from '@posthouse/core';

export class UniqueNames {
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #host: string;
  #count = 0;

  constructor(clock: Clock, chance: Chance, hostname: string) {
    this.#clock = clock;
    this.#chance = chance;
    // "/" and ":" are taken by the file system and the flags; "," begins the size.
    this.#host = hostname.replace(
      /[/:,]/g,
      (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
    );
  }

  /** Seconds, microseconds, process, a counter, and chance for other threads of the process and reused process numbers. */
  next(): string {
    const now = this.#clock.now();
    const seconds = Math.floor(now / 1000);
    const microseconds = Math.floor((now - seconds * 1000) * 1000);
    const chance = Math.floor(this.#chance.next() * 2 ** 48)
      .toString(16)
      .padStart(12, '0');
    return `${seconds}.M${microseconds}P${process.pid}Q${++this.#count}_${chance}.${this.#host}`;
  }
}
