// npm run docs: writes the generated documentation anew.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { generatedFiles, typeErrorsFile } from './generated.ts';

for (const { path, found, wanted } of [...(await generatedFiles()), typeErrorsFile()]) {
  if (found === wanted) continue;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, wanted);
  process.stdout.write(`wrote ${path}\n`);
}
