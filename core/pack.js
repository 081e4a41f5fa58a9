// Run by npm before and after it packs the core: what stands elsewhere in the repository and belongs into the package is
// laid beside this file meanwhile. `posthouse new` takes the template from there.

import { cpSync, rmSync } from 'node:fs';

const here = (path) => new URL(path, import.meta.url);
const TAKEN = {
  'template/src': '../plugin-template/src',
  'template/test': '../plugin-template/test',
  'CHANGELOG.md': '../CHANGELOG.md',
};

for (const path of ['template', 'CHANGELOG.md']) rmSync(here(path), { recursive: true, force: true });
if (process.argv[2] === 'before')
  for (const [path, from] of Object.entries(TAKEN)) cpSync(here(from), here(path), { recursive: true });
