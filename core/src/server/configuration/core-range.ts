// For which versions of the core a plugin's package was made: its peer range (package.json), held against this core before
// a line of it runs. Else the first thing to be heard of it is a throw from its depths.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { satisfies, validRange } from 'semver';
import { coreVersion } from '../core-version.ts';

/** Why a plugin is not for this core; undefined where it is, or where its package does not say. @param module its file */
export function madeForAnotherCore(module: string, version = coreVersion()): string | undefined {
  const range = peerRange(dirname(module));
  if (range === undefined || validRange(range) === null) return undefined;
  return satisfies(version, range, { includePrerelease: true })
    ? undefined
    : `is made for @posthouse/core ${range}, and this is ${version}; install a version of it that fits, or that core`;
}

/** Of the package that a file belongs to. */
function peerRange(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const manifest = join(at, 'package.json');
    if (existsSync(manifest)) return rangeIn(readFileSync(manifest, 'utf8'));
    if (at === dirname(at)) return undefined;
  }
}

function rangeIn(manifest: string): string | undefined {
  try {
    const { peerDependencies } = JSON.parse(manifest) as { peerDependencies?: Record<string, unknown> };
    const range = peerDependencies?.['@posthouse/core'];
    return typeof range === 'string' ? range : undefined;
  } catch {
    // What cannot be read says nothing; whether the module can be loaded is the next question.
    return undefined;
  }
}
