// What a check costs is measured and said: each has a row in the bench, and its README tells.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const bench = readFileSync(join(ROOT, 'test/bench/checks.ts'), 'utf8');

for (const name of readdirSync(join(ROOT, 'plugins')).filter((each) => each.startsWith('check-'))) {
  test(`${name} has a row in bench:checks, and a README that says what it costs`, () => {
    assert.ok(bench.includes(`plugin('${name}'`));
    const readme = readFileSync(join(ROOT, 'plugins', name, 'README.md'), 'utf8');
    const section = /^## What it costs\n\n([\s\S]+?)\n## /m.exec(readme)?.[1] ?? '';
    assert.match(section, /\d ?(?:ms|µs)\b/);
  });
}
