// The floors of the house: import lines are held to the table of core/README.md.

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');
const sources = (pattern: string): string[] => globSync(pattern, { cwd: root });
const imports = (path: string): string[] =>
  [...read(path).matchAll(/^(?:import|export|\})(?:[^'\n]* from)? '([^']+)';/gm)].map(
    (match) => match[1] as string,
  );

const table = new Map(
  [...read('core/README.md').matchAll(/^\| `([a-z]+)` +\| (.*?) *\|/gm)].map(([, room, may]) => [
    room as string,
    [...(may as string).matchAll(/`([a-z]+)`/g)].map((match) => match[1] as string),
  ]),
);
const ROOF = new Set(['cli', 'testing', 'server']);

test('a room imports what the floor plan allows, by the door', () => {
  assert.equal(table.size, 13);
  for (const [room, may] of table) {
    for (const file of sources(`core/src/${room}/**/*.ts`)) {
      for (const target of imports(file)) {
        const [, other, rest] = /^(?:\.\.\/)+([a-z]+)\/(.+)$/.exec(target) ?? [];
        if (other === undefined || !table.has(other) || other === room) continue;
        assert.ok(may.includes(other), `${file} imports ${target}`);
        assert.ok(rest === 'index.ts' || ROOF.has(room), `${file} enters ${other} beside its door`);
      }
    }
  }
});

test('the ground floor is pure', () => {
  for (const file of sources('core/src/smtp/*.ts')) {
    for (const target of imports(file)) assert.match(target, /^\.\/[a-z0-9-]+\.ts$/, file);
    assert.doesNotMatch(
      read(file).replace(/\/\/.*|\/\*[\s\S]*?\*\//g, ''),
      /\b(async|await|Promise|Date\.now|Math\.random)\b/,
      file,
    );
  }
  for (const file of sources('core/src/contract/*.ts')) {
    for (const target of imports(file)) assert.match(target, /^(\.\/|\.\.\/smtp\/index\.ts$|typebox$)/, file);
  }
});

test('only the roof knows a Container', () => {
  for (const file of sources('core/src/**/*.ts')) {
    if (!file.startsWith('core/src/server/')) assert.doesNotMatch(read(file), /import .*\bContainer\b/, file);
  }
});

test('no source file has more than 400 lines', () => {
  for (const file of sources('{core,plugins/*,plugin-template}/src/**/*.ts')) {
    assert.ok(read(file).split('\n').length <= 401, file);
  }
});

test('a plugin imports the core, node and what it declares', () => {
  for (const manifest of sources('plugins/*/package.json')) {
    const folder = manifest.replace(/\/package\.json$/, '');
    const { dependencies = {}, peerDependencies = {} } = JSON.parse(read(manifest));
    assert.ok(peerDependencies['@posthouse/core'], `${folder} has the core as a peer`);
    assert.ok(
      existsSync(`${root}${folder}/README.md`) && existsSync(`${root}${folder}/test`),
      `${folder}: README and test`,
    );
    assert.ok(
      existsSync(`${root}${folder}/test/plugin-contract.test.ts`),
      `${folder}/test/plugin-contract.test.ts: every plugin keeps the contract, pluginContract of @posthouse/core/testing`,
    );
    for (const file of sources(`${folder}/src/**/*.ts`)) {
      for (const target of imports(file)) {
        const known =
          /^(\.\/|\.\.\/|node:|@posthouse\/core(\/(smtp|client|dkim|reporting))?$)/.test(target) ||
          Object.hasOwn(dependencies, target);
        assert.ok(known, `${file} imports ${target}`);
      }
    }
  }
});
