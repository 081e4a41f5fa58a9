// The mistakes that must not compile, and that the compiler says of each what the documentation shows.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from './documented-blocks.ts';
import { compilerSays, MISTAKES, mistakesPage } from './mistakes.ts';

const said = compilerSays();

test('at least twenty mistakes are shown, and each is one error in few words', () => {
  assert.ok(MISTAKES.length >= 20);
  for (const [index, { what }] of MISTAKES.entries()) {
    const [first = ''] = (said[index] ?? '').split('\n');
    assert.notEqual(first, '', `${what}: it compiles`);
    assert.equal(said[index]?.split('\n').filter((line) => !line.startsWith(' ')).length, 1, said[index]);
    assert.ok(first.length <= 180, `${what}: nobody reads ${first.length} characters: ${first}`);
  }
});

test('the page shows what the compiler says; `npm run docs` writes it anew', () => {
  assert.equal(readFileSync(join(ROOT, 'core/docs/type-errors.md'), 'utf8'), mistakesPage(said));
});
