// The password file as text: `user:hash` lines, `#` comments. Reading, and changing one line without touching another.

import { parseStored, type StoredPassword } from './schemes.ts';

export interface PasswordFile {
  readonly users: ReadonlyMap<string, StoredPassword>;
  /** What is wrong, with its line: `3: user ann stands there twice, first in line 1`. */
  readonly problems: readonly string[];
}

export function parsePasswordFile(text: string): PasswordFile {
  const users = new Map<string, StoredPassword>();
  const lines = new Map<string, number>();
  const problems: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const number = index + 1;
    const entry = entryOf(line);
    if (entry === undefined) continue;
    const [user, written] = entry;
    if (written === undefined) {
      problems.push(`${number}: no colon between user and password`);
      continue;
    }
    const fault = faultOfUser(user);
    const first = lines.get(user);
    const stored = parseStored(written);
    if (fault !== undefined) problems.push(`${number}: ${fault}`);
    else if (first !== undefined)
      problems.push(`${number}: user ${user} stands there twice, first in line ${first}`);
    else if ('problem' in stored) problems.push(`${number}: user ${user} has ${stored.problem}`);
    else users.set(user, stored);
    lines.set(user, first ?? number);
  }
  return { users, problems };
}

/** What no user may be called: it could not be written on a line, or not be read in a log. */
export function faultOfUser(user: string): string | undefined {
  if (user === '') return 'no user before the colon';
  if (/[\p{Cc}:]/u.test(user) || user.startsWith('#') || user !== user.trim())
    return 'a user with a colon, a control character, or white space around the name, or that begins with #';
  return user.length > 255 ? 'a user of more than 255 characters' : undefined;
}

/** undefined for what is no entry; the hash is undefined where there is no colon. Fields behind the hash are others'. */
function entryOf(line: string): [user: string, written: string | undefined] | undefined {
  const text = line.trim();
  if (text === '' || text.startsWith('#')) return undefined;
  const [user = '', written] = text.split(':', 2);
  return [user, written?.trim()];
}

/** The text with the user's line replaced, added, or with `written` undefined removed. Other fields of it stay. */
export function withUser(
  text: string,
  user: string,
  written: string | undefined,
): { readonly text: string; readonly was: boolean } {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  const at = lines.findIndex((line) => entryOf(line)?.[0] === user);
  if (at === -1) {
    if (written !== undefined) lines.push(`${user}:${written}`);
  } else if (written === undefined) lines.splice(at, 1);
  else {
    const rest = (lines[at] as string).trim().split(':').slice(2);
    lines[at] = [user, written, ...rest].join(':');
  }
  return { text: lines.length === 0 ? '' : `${lines.join('\n')}\n`, was: at !== -1 };
}
