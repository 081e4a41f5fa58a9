// The folders of the queue, as the engine finds them at the start, and what lies in that of the bodies.

import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const BODIES_FOLDER = 'bodies';

/** Makes the queue's folder and that of the bodies, where they are missing; their names are durable when it returns. */
export function makeFolders(path: string): void {
  const bodies = join(path, BODIES_FOLDER);
  const first = mkdirSync(bodies, { recursive: true });
  if (first === undefined) return;
  for (let made = bodies; made.length >= first.length; made = dirname(made)) {
    const parent = openSync(dirname(made), 'r');
    try {
      fsyncSync(parent);
    } finally {
      closeSync(parent);
    }
  }
}

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
