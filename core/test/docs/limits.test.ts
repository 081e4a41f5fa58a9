// core/docs/limits.md lists every limit of the schema with its default, a reason, and a test that exists.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DeadlinesSchema, LimitsSchema } from '../../src/contract/index.ts';
import { ListenerSchema } from '../../src/server/listener-definition.ts';

/** The repository, seen from core/dist/test/docs. */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const ROW =
  /^\| `((?:limits|deadlines|listeners\[\])\.\w+)` *\| `([^`]*)` *\| (.*?) *\| `([^`]+)`(?:: (.*?))? *\|$/gm;

const rows = [...readFileSync(`${ROOT}core/docs/limits.md`, 'utf8').matchAll(ROW)].map(
  ([, name = '', byDefault = '', why = '', file = '', sentence]) => ({
    name,
    byDefault,
    why,
    file,
    sentence,
  }),
);

/** Of a listener only what bounds its clients. */
const OF_LISTENERS = ['bannerDelay', 'earlyTalker'];

const defaults = new Map<string, string>();
for (const [section, { properties }] of Object.entries({
  limits: LimitsSchema,
  deadlines: DeadlinesSchema,
  'listeners[]': ListenerSchema,
})) {
  for (const [name, schema] of Object.entries(properties)) {
    if (section !== 'listeners[]' || OF_LISTENERS.includes(name))
      defaults.set(`${section}.${name}`, String((schema as { default?: unknown }).default));
  }
}

test('the table of limits is that of the schema, with its defaults', () => {
  const documented = new Map(rows.map(({ name, byDefault }) => [name, byDefault] as const));
  assert.deepEqual([...documented].sort(), [...defaults].sort());
});

test('every limit has a reason, and a test that exists', () => {
  for (const { name, why, file, sentence } of rows) {
    assert.ok(why.length > 20, `${name} has no reason`);
    assert.ok(existsSync(ROOT + file), `${name}: there is no ${file}`);
    const text = readFileSync(ROOT + file, 'utf8');
    // A dialogue trips its limit by itself; of other files the sentence of one test is named.
    if (file.endsWith('.smtp')) continue;
    const named = ["test('", 'test(`', "\n  '", '\n  `'].some((before) =>
      text.includes(`${before}${sentence}`),
    );
    assert.ok(named, `${name}: ${file} has no test "${sentence}"`);
  }
});
