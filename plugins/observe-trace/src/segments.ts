// The folder of the trace: a file for each day or each sixteenth of the room. Old files go as a whole, which costs nothing.

import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from './pages.ts';
import { SegmentReader, SegmentWriter, type StoredPage } from './segment.ts';

export interface SegmentLimits {
  readonly path: string;
  /** Milliseconds after its last page that a file is kept. */
  readonly keep: number;
  /** Octets of all files together. */
  readonly size: number;
}

const DAY = 86_400_000;
const SHARE = 16;
const SUFFIXES = ['', '-wal', '-shm'];

/** Writes, and takes away what is too old or too much. */
export class Segments {
  readonly #limits: SegmentLimits;
  #writer: { readonly segment: SegmentWriter; readonly name: string; readonly begun: number } | undefined;

  /** Makes the folder. Throws what the file system throws. */
  constructor(limits: SegmentLimits) {
    this.#limits = limits;
    mkdirSync(limits.path, { recursive: true, mode: 0o700 });
  }

  /** @param now milliseconds since the epoch */
  write(pages: readonly Page[], now: number): void {
    this.#current(now).write(pages);
  }

  close(): void {
    this.#writer?.segment.close();
    this.#writer = undefined;
  }

  #current(now: number): SegmentWriter {
    const { path, size } = this.#limits;
    const writer = this.#writer;
    if (writer !== undefined) {
      const full = sizeOf(path, writer.name) >= size / SHARE;
      if (!full && now - writer.begun < DAY) return writer.segment;
      this.close();
    }
    this.#prune(now);
    const name = nameOf(now, new Set(listed(path)));
    const segment = new SegmentWriter(join(path, name));
    this.#writer = { segment, name, begun: now };
    return segment;
  }

  /** Leaves room for the file that is about to begin. */
  #prune(now: number): void {
    const { path, keep, size } = this.#limits;
    let room = size - size / SHARE;
    for (const name of listed(path).reverse()) {
      room -= sizeOf(path, name);
      const written = statSync(join(path, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
      if (room < 0 || now - written > keep)
        for (const suffix of SUFFIXES) rmSync(join(path, name + suffix), { force: true });
    }
  }
}

/** Reads all files of a folder, whoever writes them meanwhile. Whoever opens it closes it. */
export class SegmentsReader {
  readonly #readers: SegmentReader[] = [];

  constructor(path: string) {
    if (!existsSync(path)) return;
    for (const name of listed(path)) {
      try {
        this.#readers.push(new SegmentReader(join(path, name)));
      } catch {
        // Taken away a moment ago, or damaged: the other files can still tell something.
      }
    }
  }

  /** The oldest first. */
  about(subject: string, limit: number): readonly StoredPage[] {
    return this.#readers.flatMap((reader) => reader.about(subject, limit));
  }

  /** The newest first. */
  mentioning(word: string, limit: number): readonly StoredPage[] {
    const found: StoredPage[] = [];
    for (const reader of this.#readers.toReversed()) {
      if (found.length >= limit) break;
      found.push(...reader.mentioning(word, limit - found.length));
    }
    return found;
  }

  close(): void {
    for (const reader of this.#readers) reader.close();
  }
}

/** The oldest first. */
function listed(path: string): string[] {
  return readdirSync(path)
    .filter((name) => /^trace-\d{13}-\d+\.sqlite$/.test(name))
    .sort();
}

function nameOf(now: number, taken: ReadonlySet<string>): string {
  for (let number = 0; ; number++) {
    const name = `trace-${String(Math.floor(now)).padStart(13, '0')}-${number}.sqlite`;
    if (!taken.has(name)) return name;
  }
}

function sizeOf(path: string, name: string): number {
  let size = 0;
  for (const suffix of SUFFIXES)
    size += statSync(join(path, name + suffix), { throwIfNoEntry: false })?.size ?? 0;
  return size;
}
