// npm run docs: writes the generated documentation anew.

import { writeFileSync } from 'node:fs';
import { generatedFiles, typeErrorsFile } from './generated.ts';

for (const { path, found, wanted } of [...(await generatedFiles()), typeErrorsFile()]) {
  if (found === wanted) continue;
  writeFileSync(path, wanted);
  process.stdout.write(`wrote ${path}\n`);
}
