// The API reference leaves out nothing that can be imported. Whether it is up to date is in documentation.test.ts.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from './documented-blocks.ts';

/** TypeBox's own, which the core passes on. */
const OTHERS = new Set(['Type', 'default']);

const { exports } = JSON.parse(readFileSync(join(ROOT, 'core/package.json'), 'utf8')) as {
  exports: Record<string, string>;
};

for (const way of Object.keys(exports).filter((each) => !each.endsWith('.json'))) {
  const door = `@posthouse/core${way.slice(1)}`;
  test(`all that ${door} exports stands in its page, and each with a type`, async () => {
    const page = readFileSync(join(ROOT, `core/docs/api/${way === '.' ? 'core' : way.slice(2)}.md`), 'utf8');
    const entries = new Map(page.split(/^### /m).map((entry) => [/^`(\w+)`/.exec(entry)?.[1], entry]));
    const exported = Object.keys((await import(door)) as object).filter((name) => !OTHERS.has(name));
    for (const name of exported)
      assert.match(entries.get(name) ?? '', /^```ts no-compile\n.+/m, `${name} is missing`);
  });
}
