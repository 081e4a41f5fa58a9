// What every package says of itself before it can be published. What npm makes of it is in interop/packages.test.ts.

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');
const core = JSON.parse(read('core/package.json'));

for (const manifest of [
  'core/package.json',
  'core/create/package.json',
  ...globSync('plugins/*/package.json', { cwd: root }),
]) {
  test(`${manifest} says what a package that is published has to say`, () => {
    const folder = manifest.replace(/\/package\.json$/, '');
    const said = JSON.parse(read(manifest));
    assert.notEqual(said.private, true, 'private: true keeps npm from publishing it');
    const name = `@posthouse/${folder.replace('plugins/', '')}`;
    assert.equal(said.name, folder === 'core/create' ? 'create-posthouse' : name);
    assert.equal(said.version, core.version, 'all packages have one version');
    assert.match(said.description, /^[A-Z].{10,}[^.]$/, 'description: one sentence without a full stop');
    assert.equal(said.license, 'MIT');
    assert.equal(said.type, 'module');
    assert.deepEqual(said.engines, core.engines, 'engines: as the core has them');
    assert.deepEqual(
      said.publishConfig,
      { access: 'public' },
      'publishConfig: a scoped package is private else',
    );
    assert.ok(existsSync(`${root}${folder}/LICENSE`), `cp LICENSE ${folder}/: npm packs none from elsewhere`);
    assert.equal(read(`${folder}/LICENSE`), read('LICENSE'), `${folder}/LICENSE is that of the house`);
    if (!folder.startsWith('plugins/')) return;
    assert.ok(said.keywords?.includes('posthouse-plugin'), 'keywords: posthouse schema finds plugins by it');
    assert.deepEqual(said.peerDependencies, { '@posthouse/core': `^${core.version}` }, 'peerDependencies');
    assert.equal(said.exports['.'], './dist/src/index.js');
  });
}
