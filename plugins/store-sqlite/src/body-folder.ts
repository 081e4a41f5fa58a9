// The folder of the bodies that have files of their own, as the engine sees it at the start.

import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export const BODIES_FOLDER = 'bodies';

/** The names of all body files in the queue's folder. */
export function* listBodies(path: string): Generator<string> {
  const bodies = join(path, BODIES_FOLDER);
  if (!existsSync(bodies)) return;
  for (const folder of readdirSync(bodies, { withFileTypes: true })) {
    if (!folder.isDirectory()) continue;
    for (const name of readdirSync(join(bodies, folder.name))) yield `${folder.name}/${name}`;
  }
}

/** Removes the files that nobody needs: written by a store that is dead, and named by no message. */
export function removeOrphans(path: string, needed: (owner: number, file: string) => boolean): void {
  for (const file of listBodies(path)) {
    const owner = /\/(\d+)-[0-9a-z]+$/.exec(file)?.[1];
    // What another hand put there is not ours to remove.
    if (owner !== undefined && !needed(Number(owner), file))
      rmSync(join(path, BODIES_FOLDER, file), { force: true });
  }
}
