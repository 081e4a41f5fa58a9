// What `posthouse passwd` does to a password file: one user at a time, and the file is always whole.

import { chmod, type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { HashThread } from './hash-thread.ts';
import { faultOfUser, parsePasswordFile, withUser } from './password-file.ts';
import { hashPassword, NEW_SCHEMES, type NewScheme, verify } from './schemes.ts';

/** Gives a user a password, in a new file if need be. */
export async function setPassword(
  path: string,
  user: string,
  password: string,
  scheme: string = 'scrypt',
): Promise<'added' | 'changed'> {
  const fault = faultOfUser(user);
  if (fault !== undefined) throw new Error(`${JSON.stringify(user)} is ${fault}`);
  if (password === '') throw new Error('the password is empty');
  if (!isNewScheme(scheme))
    throw new Error(`passwords can be stored as ${NEW_SCHEMES.join(' or ')}, not ${scheme}`);
  const written = await hashPassword(password, scheme);
  const was = await change(path, user, written);
  return was ? 'changed' : 'added';
}

/** @returns whether there was such a user */
export async function deleteUser(path: string, user: string): Promise<boolean> {
  return change(path, user, undefined);
}

/** Whether the password is the user's; undefined where there is no such user. Throws where the user's line is faulty. */
export async function verifyPassword(
  path: string,
  user: string,
  password: string,
): Promise<boolean | undefined> {
  const { users, problems } = parsePasswordFile(await readFile(path, 'utf8'));
  if (problems.length > 0) throw new Error(problems.map((problem) => `${path}:${problem}`).join('\n'));
  const stored = users.get(user);
  if (stored === undefined) return undefined;
  const thread = new HashThread();
  try {
    return await verify(password, stored, thread);
  } finally {
    await thread.stop();
  }
}

function isNewScheme(scheme: string): scheme is NewScheme {
  return (NEW_SCHEMES as readonly string[]).includes(scheme);
}

async function change(path: string, user: string, written: string | undefined): Promise<boolean> {
  // Whoever else changes the file now is told so, instead of losing a line.
  const draftPath = `${path}.new`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = await open(draftPath, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw new Error(`${draftPath} exists: the file is being changed by somebody else; if not, remove it`);
  });
  try {
    const { text, was } = withUser(await readOrNothing(path), user, written);
    if (written === undefined && !was) {
      await draft.close();
      await rm(draftPath);
      return false;
    }
    await draft.writeFile(text);
    await keepOwner(path, draft);
    await draft.sync();
    await draft.close();
    await chmod(draftPath, 0o600);
    await rename(draftPath, path);
    const folder = await open(dirname(path), 'r');
    await folder.sync();
    await folder.close();
    return was;
  } catch (error) {
    await draft.close().catch(() => {});
    await rm(draftPath, { force: true });
    throw error;
  }
}

async function readOrNothing(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** Root changes a file that belongs to the server: it stays the server's. */
async function keepOwner(path: string, draft: FileHandle): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined) await draft.chown(found.uid, found.gid);
}
