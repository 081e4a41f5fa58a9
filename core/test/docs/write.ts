// npm run docs: writes the generated documentation anew.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from './documented-blocks.ts';
import { generatedFiles, typeErrorsFile } from './generated.ts';

/** The plugins are loaded, and an old Node cannot: then the repository's own goes on. */
const OLDEST = 24;

if (Number.parseInt(process.versions.node, 10) < OLDEST) {
  const own = join(ROOT, 'node_modules/.bin/node');
  const { status } = spawnSync(own, [fileURLToPath(import.meta.url)], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
} else {
  for (const { path, found, wanted } of [...(await generatedFiles()), typeErrorsFile()]) {
    if (found === wanted) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, wanted);
    process.stdout.write(`wrote ${path}\n`);
  }
}
