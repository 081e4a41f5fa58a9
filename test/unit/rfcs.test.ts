// core/docs/rfcs.md says what is done in which dialogue files. What EHLO offers is held by core/test/smtp/keywords.test.ts.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { dialogueFiles } from '../support/conformance.ts';

const page = readFileSync(fileURLToPath(new URL('../../../core/docs/rfcs.md', import.meta.url)), 'utf8');

test('the table of clauses is the list of dialogue files', () => {
  const rows = [...page.matchAll(/^\| ((?:RFC|Postfix) .*?) *\| `(.*?)` *\|$/gm)].map(([, title, name]) => [
    name,
    title,
  ]);
  assert.deepEqual(
    rows,
    dialogueFiles().map(({ name, title }) => [name, title]),
  );
});
