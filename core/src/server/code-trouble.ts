// What is wrong with somebody's code, in words for whoever writes it: what was thrown, and at which line of which file.
// Pure.

import { fileURLToPath } from 'node:url';

/** Errors that a slip of the pen throws: where they come from says more than their words. */
const SLIPS: readonly unknown[] = [TypeError, ReferenceError, RangeError, SyntaxError];

/** A place in a stack: of a file, whether as a path or as a URL, but not of Node itself. */
const PLACE = /(?:\(|at (?:async )?)((?:file:\/\/|\/)[^\s()]*?):(\d+):(\d+)\)?$/m;
/** Node writes the line of a module that it cannot read above the stack, and arrows under the place in it. */
const ARROWS = /^((?:file:\/\/|\/)\S*?):(\d+)\n(?:[^\n]*\n){0,3}?( *)\^+[^\n]*\n/;

/** `src/index.ts:3:6 Expression expected`; or the words alone, where they are the author's own. One line. */
export function codeTrouble(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const words = error.message.split('\n', 1)[0] ?? '';
  const stack = error.stack ?? '';
  const arrows = ARROWS.exec(stack);
  if (arrows !== null) {
    const [, file = '', line, indent = ''] = arrows;
    return `${pathOf(file)}:${line}:${indent.length + 1} ${words}`;
  }
  if (!SLIPS.some((slip) => error.constructor === slip)) return words;
  const [, file, line, column] = PLACE.exec(stack) ?? [];
  return file === undefined ? words : `${pathOf(file)}:${line}:${column} ${error.name}: ${words}`;
}

function pathOf(place: string): string {
  const [plain = ''] = place.split(/[?#]/, 1);
  if (!plain.startsWith('file:')) return plain;
  try {
    return fileURLToPath(plain);
  } catch {
    // A URL of another host: shown as it is.
    return plain;
  }
}
