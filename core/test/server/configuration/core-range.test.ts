// The peer range of a plugin's package, held against the core.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { madeForAnotherCore } from '../../../src/server/configuration/core-range.ts';
import { loadPlugin } from '../../../src/server/configuration/plugin-modules.ts';
import { pluginModule, workshop } from './workshop.ts';

const manifest = (range?: unknown): string =>
  JSON.stringify({ name: 'plugin', peerDependencies: { '@posthouse/core': range } });

for (const [range, version, fits] of [
  ['^0.1.0', '0.1.0', true],
  ['^0.1.0', '0.1.9', true],
  ['^0.1.0', '0.2.0', false],
  ['^0.1.0 || ^0.2.0', '0.2.3', true],
  ['>=1', '0.9.9', false],
  ['*', '7.0.0', true],
  ['^1.0.0', '1.1.0-beta.1', true],
  ['workspace:*', '0.1.0', true],
  [7, '0.1.0', true],
  [undefined, '0.1.0', true],
] as const) {
  test(`a plugin for ${range} ${fits ? 'is good' : 'is not good'} for core ${version}`, (context) => {
    const house = workshop(context);
    house.write('package.json', manifest(range));
    const module = house.write('dist/index.js', '');
    assert.equal(madeForAnotherCore(module, version) === undefined, fits);
  });
}

test('a package.json that is none says nothing', (context) => {
  const house = workshop(context);
  house.write('package.json', '{');
  assert.equal(madeForAnotherCore(house.write('index.js', ''), '0.1.0'), undefined);
});

test('a plugin for another core is refused before a line of it runs, with both versions', async (context) => {
  const house = workshop(context);
  house.write('check-old/package.json', manifest('^99.0.0'));
  house.write('check-old/index.mjs', 'throw new Error("it has run");\n');
  const loaded = await loadPlugin('./check-old/index.mjs', house.folder);
  assert.ok(!loaded.ok);
  assert.equal(loaded.code, 'plugin-of-another-core');
  assert.match(
    loaded.text,
    /^"\.\/check-old\/index\.mjs" is made for @posthouse\/core \^99\.0\.0, and this is \d+\.\d+\.\d+; install /,
  );
});

test('a plugin without a package of its own is loaded', async (context) => {
  const house = workshop(context);
  house.write('hello.mjs', pluginModule('hello'));
  assert.ok((await loadPlugin('./hello.mjs', house.folder)).ok);
});
