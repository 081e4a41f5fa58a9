// posthouse version.

import { readFileSync } from 'node:fs';
import { type Command, OK } from './command.ts';

/** From package.json, which stands above both src/ and dist/src/. */
export function coreVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version?: string };
      if (manifest.version !== undefined) return manifest.version;
    } catch {
      // Built code stands one folder deeper than its source.
    }
  }
  return 'unknown';
}

export const version: Command = {
  name: 'version',
  summary: 'Print the versions of Posthouse and of Node.js',
  options: {},
  run(_given, shell) {
    shell.out(`posthouse ${coreVersion()} (node ${process.versions.node})\n`);
    return Promise.resolve(OK);
  },
};
