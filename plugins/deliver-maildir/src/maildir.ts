// One message into one Maildir: written to tmp/, synced, renamed into new/, and new/ synced.
// Not here: which folder (maildir-paths.ts), in which thread (remote-maildir.ts), and what an error means for the queue
// (index.ts).

import { constants } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FileCalls } from './file-calls.ts';
import { FolderSync, syncFolder } from './folder-sync.ts';
import { LineEndShortener } from './line-ends.ts';
import { Places } from './places.ts';

/** A message for one Maildir. */
export interface Letter {
  /** The Maildir; made when it is not there. */
  readonly folder: string;
  /** The name of the file, which nobody else gives; its size is added to it. */
  readonly name: string;
  /** The octets from the first one; asked again where the first try found no Maildir. */
  open(): readonly Uint8Array[] | AsyncIterable<Uint8Array>;
  /** `lf` makes CRLF, wherever it stands, LF. */
  readonly lineEnds: 'crlf' | 'lf';
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
/** Octets of a streamed message gathered for one write. */
const WRITE_SIZE = 256 * 1024;
/** Pieces that one writev takes (IOV_MAX of Linux). */
const WRITE_PIECES = 1024;

export class Maildir {
  readonly #files: FileCalls;
  readonly #sync: FolderSync;
  readonly #places: Places;
  #making: Promise<void> = Promise.resolve();

  /** @param atATime messages that are written and synced at a time; the others wait */
  constructor(files: FileCalls, atATime: number) {
    this.#files = files;
    this.#sync = new FolderSync(files);
    this.#places = new Places(atATime);
  }

  /**
   * Durable in `new/` when it resolves. When it rejects, with the error of the file system or of the content, nothing is
   * left in `tmp/`; the message may then stand in `new/` only if the last sync failed.
   */
  async write(letter: Letter): Promise<void> {
    try {
      await this.#writeNow(letter);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      // One after the other: folders that lead to several Maildirs are durable before the second relies on them.
      this.#making = this.#making.catch(() => undefined).then(() => makeMaildir(letter.folder, this.#files));
      await this.#making;
      await this.#writeNow(letter);
    }
  }

  async #writeNow(letter: Letter): Promise<void> {
    const { folder, name } = letter;
    const tmp = `${folder}/tmp/${name}`;
    const size = await this.#places.within(() => this.#writeFile(tmp, letter));
    try {
      await this.#files.rename(tmp, `${folder}/new/${name},S=${size}`);
    } catch (error) {
      await this.#discard(tmp);
      throw error;
    }
    await this.#sync.sync(`${folder}/new`);
  }

  /** Resolves to the octets of the file, which are durable. */
  async #writeFile(file: string, letter: Letter): Promise<number> {
    const handle = await this.#files.open(file, CREATE, 0o600);
    try {
      try {
        const size = await this.#writeContent(handle, letter);
        await this.#files.fdatasync(handle);
        return size;
      } finally {
        await this.#files.close(handle);
      }
    } catch (error) {
      await this.#discard(file);
      throw error;
    }
  }

  async #discard(file: string): Promise<void> {
    try {
      await this.#files.unlink(file);
    } catch {
      // What made the delivery fail is what people want to know.
    }
  }

  /** Resolves to the octets written. */
  async #writeContent(handle: number, letter: Letter): Promise<number> {
    const content = letter.open();
    const shortener = letter.lineEnds === 'lf' ? new LineEndShortener() : undefined;
    let pieces: Uint8Array[] = [];
    let gathered = 0;
    let size = 0;
    const gather = (more: readonly Uint8Array[]): void => {
      for (const piece of more) {
        pieces.push(piece);
        gathered += piece.length;
      }
    };
    const flush = async (): Promise<void> => {
      size += gathered;
      await this.#writeAll(handle, pieces, gathered);
      pieces = [];
      gathered = 0;
    };
    const take = (chunk: Uint8Array): void =>
      gather(shortener === undefined ? [chunk] : shortener.convert(chunk));
    if (Symbol.asyncIterator in content) {
      for await (const chunk of content) {
        take(chunk);
        if (gathered >= WRITE_SIZE || pieces.length >= WRITE_PIECES) await flush();
      }
    } else for (const chunk of content) take(chunk);
    if (shortener !== undefined) gather(shortener.finish());
    await flush();
    return size;
  }

  async #writeAll(handle: number, pieces: readonly Uint8Array[], total: number): Promise<void> {
    let rest = pieces.length > WRITE_PIECES ? [Buffer.concat(pieces)] : pieces;
    for (let left = total; left > 0; ) {
      const written = await this.#files.writev(handle, rest);
      left -= written;
      // Short writes happen on network file systems and near the end of a quota; the next one reports the error.
      if (left > 0) rest = [Buffer.concat(rest).subarray(written)];
    }
  }
}

/** Makes a Maildir with whatever folders lead to it. */
async function makeMaildir(folder: string, files: FileCalls): Promise<void> {
  const fresh = join(folder, 'new');
  const topmost = (await files.mkdir(fresh)) ?? fresh;
  await files.mkdir(join(folder, 'cur'));
  for (let made = fresh; made.length >= topmost.length; made = dirname(made))
    await syncFolder(dirname(made), files);
  // Last, since a message can be written from now on: what is above it is durable by then.
  await files.mkdir(join(folder, 'tmp'));
}
