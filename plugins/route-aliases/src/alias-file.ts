// The alias file: `name: target, target`, continued on lines that begin with white space; `#` begins a comment line.

import { PosthouseError } from '@posthouse/core';

export interface AliasLine {
  readonly name: string;
  readonly targets: readonly string[];
  /** `file:line`, for errors. */
  readonly where: string;
}

/** Throws a PosthouseError `config-invalid` that names the line. */
export function* parseAliasFile(text: string, file: string): Generator<AliasLine> {
  for (const { line, number } of logicalLines(text, file)) {
    const where = `${file}:${number}`;
    const [name = '', ...rest] = splitUnquoted(line, ':', 2);
    const targets = splitUnquoted(rest.join(':'), ',')
      .map((target) => target.trim())
      .filter((target) => target !== '');
    if (name.trim() === '' || targets.length === 0) {
      throw new PosthouseError(
        'config-invalid',
        `${where}: expected "name: target, target", got "${line.trim()}"`,
      );
    }
    yield { name, targets, where };
  }
}

function* logicalLines(text: string, file: string): Generator<{ line: string; number: number }> {
  let open: { line: string; number: number } | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    if (!/^\s/.test(line)) {
      if (open !== undefined) yield open;
      open = { line, number: index + 1 };
    } else if (open !== undefined) open.line += line;
    else throw new PosthouseError('config-invalid', `${file}:${index + 1}: a line that continues nothing`);
  }
  if (open !== undefined) yield open;
}

/** Splits at a separator that stands neither in quotes nor in the brackets of an address literal. */
function splitUnquoted(text: string, separator: string, limit = Number.POSITIVE_INFINITY): string[] {
  const parts: string[] = [];
  let from = 0;
  let quoted = false;
  let bracketed = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (quoted && character === '\\') index++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === '[') bracketed = true;
    else if (!quoted && character === ']') bracketed = false;
    else if (!quoted && !bracketed && character === separator && parts.length + 1 < limit) {
      parts.push(text.slice(from, index));
      from = index + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}
