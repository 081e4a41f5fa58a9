// Why a module cannot be loaded, for whoever wrote it. Of a mistake in JavaScript Node tells the words and hides the
// place; but it tells both to whoever asks it to check the file.

import { execFile } from 'node:child_process';
import { codeTrouble } from '../code-trouble.ts';

/** Milliseconds that the check of one file may take. */
const PATIENCE = 5000;

/** @param path of the module that was to be loaded; what failed may be one that it imports */
export async function moduleTrouble(error: unknown, path: string): Promise<string> {
  const told = codeTrouble(error);
  const isBare = error instanceof SyntaxError && told === error.message && /\.m?js$/.test(path);
  return (isBare ? await checked(path) : undefined) ?? told;
}

/** What Node has against the syntax of a file; undefined where it is content. */
function checked(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--check', path], { timeout: PATIENCE }, (failure, _, said) => {
      const words = /^\w*Error: .*$/m.exec(said)?.[0];
      if (failure === null || words === undefined) return resolve(undefined);
      const error = new SyntaxError(words.replace(/^\w*Error: /, ''));
      error.stack = said;
      resolve(codeTrouble(error));
    });
  });
}
