// A file for each day (UTC), to which lines are added, synced; and gone when the day is reported.

import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const NAME = /^(\d{4}-\d{2}-\d{2})\.results$/;

export class DayJournal {
  readonly #folder: string;
  readonly #daySize: number;

  /** @param daySize octets of one day */
  constructor(folder: string, daySize: number) {
    this.#folder = folder;
    this.#daySize = daySize;
  }

  async prepare(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
  }

  /** Durable when it resolves with true; false when the day is full. */
  async append(day: string, lines: string): Promise<boolean> {
    const file = await open(this.#fileOf(day), 'a', 0o600);
    try {
      const { size } = await file.stat();
      if (size + Buffer.byteLength(lines) > this.#daySize) return false;
      await file.appendFile(lines);
      await file.datasync();
      return true;
    } finally {
      await file.close();
    }
  }

  /** The days that are kept, oldest first. */
  async days(): Promise<readonly string[]> {
    const names = await readdir(this.#folder);
    return names.flatMap((name) => NAME.exec(name)?.[1] ?? []).sort();
  }

  async *lines(day: string): AsyncIterable<string> {
    const input = createReadStream(this.#fileOf(day));
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  }

  async remove(day: string): Promise<void> {
    await rm(this.#fileOf(day), { force: true });
  }

  #fileOf(day: string): string {
    return join(this.#folder, `${day}.results`);
  }
}

/** `2026-11-24` */
export function dayOf(now: number): string {
  return new Date(now).toISOString().slice(0, 10);
}
