// core/docs/bounce-classes.md lists the classes and what they mean.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BOUNCE_CLASSES } from '../../src/contract/index.ts';

const page = readFileSync(fileURLToPath(new URL('../../../docs/bounce-classes.md', import.meta.url)), 'utf8');

test('the table of the page is that of the code', () => {
  const rows = [...page.matchAll(/^\| `([a-z-]+)` +\| (.*?) +\| /gm)].map(([, name, meaning]) => [
    name,
    meaning,
  ]);
  assert.deepEqual(rows, Object.entries(BOUNCE_CLASSES));
});
