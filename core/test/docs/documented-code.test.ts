// Every block of code in the documentation compiles and runs, and every configuration passes posthouse check.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { asPlugin } from '../../src/server/configuration/index.ts';
import { inProcess } from '../cli/posthouse.ts';
import { type Block, documentedBlocks, ROOT } from './documented-blocks.ts';
import { environmentOf, isConfiguration, type Placed, write } from './documented-files.ts';

/** Inside the repository, so that packages are found as from a plugin's folder. */
const FOLDER = fileURLToPath(new URL('../../documented/', import.meta.url));

const COMPILER = {
  extends: join(ROOT, 'tsconfig.json'),
  compilerOptions: {
    rootDir: '.',
    noEmit: true,
    composite: false,
    declarationMap: false,
    sourceMap: false,
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    noUnusedLocals: false,
    noUnusedParameters: false,
    types: ['node'],
    allowJs: true,
    checkJs: true,
  },
  include: ['**/*.ts', '**/*.js'],
  references: [],
};

const blocks = documentedBlocks();
const code = blocks.filter(({ language }) => language === 'ts' || language === 'js').map(place);
const configurations = blocks.filter(isConfiguration).map(place);

before(() => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  for (const each of [...code, ...configurations]) write(each);
  writeFileSync(join(FOLDER, 'package.json'), '{ "type": "module" }\n');
  writeFileSync(join(FOLDER, 'tsconfig.json'), JSON.stringify(COMPILER));
});

function place(block: Block): Placed {
  const folder = block.page.replace(/(?:\/?README)?\.md$/, '');
  const name = block.name ?? `line-${block.line}.${block.language}`;
  return { ...block, path: join(FOLDER, folder === '' ? 'readme' : folder, name) };
}

test('every block of TypeScript and JavaScript in the documentation compiles', () => {
  assert.ok(code.length >= 10, `only ${code.length} blocks were found`);
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', FOLDER, '--pretty', 'false'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout + stderr);
});

const isTest = ({ text }: Block): boolean => /from '(?:node:test|@posthouse\/core\/testing)'/.test(text);

test('the tests in the documentation pass', () => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const tests = code.filter(isTest).map(({ path }) => path);
  const given = ['--test', '--test-isolation=none', '--test-reporter=tap', ...tests];
  const { status, stdout } = spawnSync(process.execPath, given, { encoding: 'utf8', env });
  assert.equal(status, 0, stdout);
  assert.ok(Number(/^# pass (\d+)$/m.exec(stdout)?.[1]) >= tests.length, stdout);
});

for (const { page, line, path, text } of code.filter((block) => !isTest(block))) {
  test(`${page}:${line} is loaded, and what it exports is a plugin`, async () => {
    const loaded = (await import(pathToFileURL(path).href)) as { readonly default?: unknown };
    if (!/export default/.test(text) && !/^(?:async )?'on-/.test(text)) return;
    const plugin = asPlugin(loaded.default);
    assert.ok(typeof plugin !== 'string', `not a plugin: ${JSON.stringify(plugin)}`);
  });
}

for (const { page, line, path, text } of configurations) {
  test(`${page}:${line} passes posthouse check`, async () => {
    const { code: exit, said } = await inProcess(['check', '--config', path], {
      environment: environmentOf(text),
    });
    assert.equal(exit, 0, said);
  });
}
