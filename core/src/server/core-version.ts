// The version of this core, from its package.json, which stands above both src/ and dist/src/.

import { readFileSync } from 'node:fs';

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
