// A folder that is to be filled: never over anything that is there already.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UsageError } from './command.ts';

/** Files by their paths inside of the folder. */
export type Files = ReadonlyMap<string, string>;

/** @returns the folder, which is empty or not there. Throws a UsageError where something is in it. */
export function findFolder(folder: string): string {
  try {
    if (readdirSync(folder).length === 0) return folder;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return folder;
    throw new UsageError(`${folder} cannot be written: ${code === 'ENOTDIR' ? 'it is a file' : code}`);
  }
  throw new UsageError(`${folder} is there already and is not empty; nothing was written`);
}

export function writeAnew(folder: string, files: Files): void {
  for (const [path, text] of files) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    // Whatever has come in the meantime stays.
    writeFileSync(file, text, { flag: 'wx' });
  }
}
