// The calls of the file system that a delivery consists of: all in Node's thread pool for a thread that has others to
// serve, or only the syncs, which wait for the disk, for a thread that has nothing else to do.

import {
  close,
  closeSync,
  fdatasync,
  fsync,
  mkdir,
  mkdirSync,
  open,
  openSync,
  rename,
  renameSync,
  unlink,
  unlinkSync,
  writev,
  writevSync,
} from 'node:fs';
import { promisify } from 'node:util';
import type { Awaitable } from '@posthouse/core';

const NEW_FOLDER = { recursive: true, mode: 0o700 } as const;

/** Each throws or rejects with the error of the file system. */
export interface FileCalls {
  open(path: string, flags: number, mode?: number): Awaitable<number>;
  /** @returns the octets written, which may be fewer than there are */
  writev(handle: number, pieces: readonly Uint8Array[]): Awaitable<number>;
  fdatasync(handle: number): Promise<void>;
  fsync(handle: number): Promise<void>;
  close(handle: number): Awaitable<void>;
  rename(from: string, to: string): Awaitable<void>;
  unlink(path: string): Awaitable<void>;
  /** Makes the folder for its owner alone, and those that lead to it. @returns the topmost that was made, if one was */
  mkdir(path: string): Awaitable<string | undefined>;
}

const syncs = { fdatasync: promisify(fdatasync), fsync: promisify(fsync) };
const pooledWritev = promisify(writev);
const pooledMkdir = promisify(mkdir);

/** The event loop waits for none of them. */
export const pooled: FileCalls = {
  ...syncs,
  open: promisify(open),
  writev: async (handle, pieces) => (await pooledWritev(handle, pieces)).bytesWritten,
  close: promisify(close),
  rename: promisify(rename),
  unlink: promisify(unlink),
  mkdir: (path) => pooledMkdir(path, NEW_FOLDER),
};

/** A fraction of the processor time, because nothing goes to the pool and back but the syncs. */
export const direct: FileCalls = {
  ...syncs,
  open: openSync,
  writev: writevSync,
  close: closeSync,
  rename: renameSync,
  unlink: unlinkSync,
  mkdir: (path) => mkdirSync(path, NEW_FOLDER),
};
