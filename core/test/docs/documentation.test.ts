// Documentation that could drift from the code: the configuration tables and the catalogue of errors.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { errorCodes } from '../../src/contract/index.ts';
import { generatedFiles } from './generated.ts';

test('the configuration tables say what the schemas say; `npm run docs` writes them anew', async () => {
  for (const { path, found, wanted } of await generatedFiles()) {
    assert.equal(found, wanted, `${path} is out of date: run npm run docs`);
  }
});

test('every error code stands in errors.md with its meaning, cause and remedy, and no other does', () => {
  const text = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const sections = text.split(/^## /m).slice(1);
  const documented = new Map(sections.map((section) => [/^`([a-z-]+)`/.exec(section)?.[1], section]));
  assert.deepEqual([...documented.keys()], Object.keys(errorCodes));
  for (const [code, meaning] of Object.entries(errorCodes)) {
    const section = documented.get(code) ?? '';
    assert.ok(section.includes(meaning), `${code}: errors.md does not say "${meaning}"`);
    assert.match(section, /\*\*Cause\.\*\* \S/, `${code} has no cause`);
    assert.match(section, /\*\*Remedy\.\*\* \S/, `${code} has no remedy`);
  }
});
