// What went wrong, in the two words that the contract has for it: no room, or something else.
// Without imports of the core, because the worker would have to load all of it for one class of errors.

// https://sqlite.org/rescode.html
const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;
// The index of the WAL could not grow: its file lies on the same disk.
const SQLITE_IOERR_SHMSIZE = 4874;

export class StoreFailure extends Error {
  readonly code: 'store-full' | 'store-failed';

  constructor(code: StoreFailure['code'], message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'StoreFailure';
    this.code = code;
  }
}

/** Whatever SQLite or the file system threw, as a StoreFailure. */
export function storeFailure(error: unknown, doing: string): StoreFailure {
  if (error instanceof StoreFailure) return error;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  const full =
    code === 'ENOSPC' || code === 'EDQUOT' || errcode === SQLITE_FULL || errcode === SQLITE_IOERR_SHMSIZE;
  const text = error instanceof Error ? error.message : String(error);
  return new StoreFailure(full ? 'store-full' : 'store-failed', `Could not ${doing}: ${text}`, {
    cause: error,
  });
}

/** Somebody else holds a lock. */
export function isBusy(error: unknown): boolean {
  const { errcode } = error as { errcode?: unknown };
  // The low byte is the primary code, the rest says more.
  return typeof errcode === 'number' && (errcode & 0xff) === SQLITE_BUSY;
}
