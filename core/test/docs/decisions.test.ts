// The records of decisions: one number each, none left out.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const FOLDER = new URL('../../../docs/decisions/', import.meta.url);

test('decisions are numbered from 1 without a gap or a number used twice, and each title says its number', () => {
  const files = readdirSync(FOLDER).sort();
  const expected = files.map((_, index) => String(index + 1).padStart(4, '0'));
  assert.deepEqual(
    files.map((file) => file.slice(0, 4)),
    expected,
  );
  for (const file of files) {
    const title = `# ${Number(file.slice(0, 4))}. `;
    assert.ok(
      readFileSync(new URL(file, FOLDER), 'utf8').startsWith(title),
      `${file} does not begin with "${title}"`,
    );
  }
});
