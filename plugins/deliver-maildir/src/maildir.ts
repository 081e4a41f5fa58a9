// One message into one Maildir: written to tmp/, synced, renamed into new/, and new/ synced.
// Not here: which folder (maildir-paths.ts), and what an error means for the queue (index.ts).

import { close, constants, fdatasync, mkdir, open, rename, unlink, writev } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { StoredMessage } from '@posthouse/core';
import { FolderSync, syncFolder } from './folder-sync.ts';
import { LineEndShortener } from './line-ends.ts';
import type { UniqueNames } from './unique-names.ts';

const files = {
  open: promisify(open),
  writev: promisify(writev),
  fdatasync: promisify(fdatasync),
  close: promisify(close),
  rename: promisify(rename),
  unlink: promisify(unlink),
  mkdir: promisify(mkdir),
};

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
/** Octets of a streamed message gathered for one write. */
const WRITE_SIZE = 256 * 1024;
const NEW_FOLDER = { recursive: true, mode: 0o700 } as const;
/** Pieces that one writev takes (IOV_MAX of Linux). */
const WRITE_PIECES = 1024;

export class Maildir {
  readonly #names: UniqueNames;
  readonly #lineEnds: 'crlf' | 'lf';
  readonly #sync = new FolderSync();
  #making: Promise<void> = Promise.resolve();

  constructor(names: UniqueNames, lineEnds: 'crlf' | 'lf') {
    this.#names = names;
    this.#lineEnds = lineEnds;
  }

  /**
   * Durable in `new/` when it resolves. When it rejects, with the error of the file system, nothing is left in `tmp/`;
   * the message may then stand in `new/` only if the last sync failed. Makes the folder when it is not there.
   * @param trace fields that go on top, each ending in CRLF
   */
  async write(folder: string, trace: string, message: StoredMessage, signal: AbortSignal): Promise<void> {
    const name = this.#names.next();
    try {
      await this.#writeNamed(name, folder, trace, message, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      // One after the other: folders that lead to several Maildirs are durable before the second relies on them.
      this.#making = this.#making.catch(() => undefined).then(() => makeMaildir(folder));
      await this.#making;
      await this.#writeNamed(name, folder, trace, message, signal);
    }
  }

  async #writeNamed(
    name: string,
    folder: string,
    trace: string,
    message: StoredMessage,
    signal: AbortSignal,
  ): Promise<void> {
    const tmp = `${folder}/tmp/${name}`;
    const handle = await files.open(tmp, CREATE, 0o600);
    try {
      let size: number;
      try {
        size = await this.#writeContent(handle, Buffer.from(trace), message, signal);
        await files.fdatasync(handle);
      } finally {
        await files.close(handle);
      }
      await files.rename(tmp, `${folder}/new/${name},S=${size}`);
    } catch (error) {
      await files.unlink(tmp).catch(() => undefined);
      throw error;
    }
    await this.#sync.sync(`${folder}/new`);
  }

  /** Resolves to the octets written. */
  async #writeContent(
    handle: number,
    trace: Buffer,
    message: StoredMessage,
    signal: AbortSignal,
  ): Promise<number> {
    // A binary message has no lines: changing what looks like their ends would destroy it (RFC 3030 §3).
    const hasLines = message.parameters.body !== 'BINARYMIME';
    const shortener = this.#lineEnds === 'lf' && hasLines ? new LineEndShortener() : undefined;
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
      await writeAll(handle, pieces, gathered);
      pieces = [];
      gathered = 0;
    };
    const take = (chunk: Uint8Array): void =>
      gather(shortener === undefined ? [chunk] : shortener.convert(chunk));
    take(trace);
    if (message.inMemory !== undefined) for (const chunk of message.inMemory) take(chunk);
    else {
      for await (const chunk of message.open()) {
        signal.throwIfAborted();
        take(chunk);
        if (gathered >= WRITE_SIZE || pieces.length >= WRITE_PIECES) await flush();
      }
    }
    if (shortener !== undefined) gather(shortener.finish());
    await flush();
    return size;
  }
}

async function writeAll(handle: number, pieces: readonly Uint8Array[], total: number): Promise<void> {
  const [first, ...others] = pieces.length > WRITE_PIECES ? [Buffer.concat(pieces)] : pieces;
  if (first === undefined) return;
  let rest = [first, ...others];
  let left = total;
  for (;;) {
    const { bytesWritten } = await files.writev(handle, rest);
    left -= bytesWritten;
    if (left === 0) return;
    // Short writes happen on network file systems and near the end of a quota; the next one reports the error.
    rest = [Buffer.concat(rest).subarray(bytesWritten)];
  }
}

/** Makes a Maildir with whatever folders lead to it. */
async function makeMaildir(folder: string): Promise<void> {
  const fresh = join(folder, 'new');
  const topmost = (await files.mkdir(fresh, NEW_FOLDER)) ?? fresh;
  await files.mkdir(join(folder, 'cur'), NEW_FOLDER);
  for (let made = fresh; made.length >= topmost.length; made = dirname(made)) await syncFolder(dirname(made));
  // Last, since a message can be written from now on: what is above it is durable by then.
  await files.mkdir(join(folder, 'tmp'), NEW_FOLDER);
}
