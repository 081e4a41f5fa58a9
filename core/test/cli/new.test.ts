// posthouse new: what it makes compiles, passes its tests and is taken by posthouse check, for every hook and language.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HOOKS } from '../../src/cli/new-plugin.ts';
import { inProcess } from './posthouse.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
/** Inside the repository, so that the core and the compiler are found as after an npm install. */
const FOLDER = join(ROOT, 'core/dist/new');

const samples = HOOKS.flatMap((hook) => [
  { hook, language: 'ts', name: `check-${hook.slice(3)}-ts` },
  { hook, language: 'js', name: `check-${hook.slice(3)}-js` },
]);

before(async () => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  for (const { hook, language, name } of samples) {
    const options = ['--hook', hook, ...(language === 'js' ? ['--js'] : []), '--folder', join(FOLDER, name)];
    const { code, said } = await inProcess(['new', 'plugin', name, ...options]);
    assert.equal(code, 0, said);
    assert.match(said, /npm install\n {2}npm test/);
  }
});

const run = (given: readonly string[], cwd: string) => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, given, { cwd, env, encoding: 'utf8' });
  return { status, text: stdout + stderr };
};

test('a new plugin passes its tests as it stands, run from source, in TypeScript and in JavaScript', () => {
  const tests = globSync('*/test/*.test.{ts,js}', { cwd: FOLDER });
  assert.equal(tests.length, samples.length + 2);
  const { status, text } = run(['--test', '--test-isolation=none', '--test-reporter=tap', ...tests], FOLDER);
  assert.equal(status, 0, text);
  for (const { name } of samples)
    assert.match(text, new RegExp(`^ok \\d+ - ${name}: it describes itself`, 'm'));
});

test('a new plugin compiles, and is built into what its package exports', () => {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const all = join(FOLDER, 'tsconfig.json');
  writeFileSync(
    all,
    JSON.stringify({ extends: './check-data-js/tsconfig.json', include: ['*/src', '*/test'] }),
  );
  const checked = run([tsc, '-p', all, '--pretty', 'false'], FOLDER);
  assert.equal(checked.status, 0, checked.text);

  const folder = join(FOLDER, 'check-deliver-ts');
  const built = run([tsc, '-p', 'tsconfig.build.json', '--pretty', 'false'], folder);
  assert.equal(built.status, 0, built.text);
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  assert.ok(existsSync(join(folder, exports['.'])));
  assert.ok(existsSync(join(folder, 'dist/index.d.ts')));
});

test('nothing in a new plugin is called as in the template', () => {
  for (const file of globSync('*/{src,test}/*', { cwd: FOLDER })) {
    assert.doesNotMatch(
      readFileSync(join(FOLDER, file), 'utf8'),
      /example\.refused|-example\b|Not for/,
      file,
    );
  }
});

test('the README of a new plugin says how a server takes it, and posthouse check agrees', async () => {
  for (const { name } of samples) {
    const text = readFileSync(join(FOLDER, name, 'README.md'), 'utf8');
    const [, plugins = ''] = /```yaml\n([\s\S]*?)```/.exec(text) ?? [];
    const file = join(FOLDER, name, 'posthouse.yaml');
    writeFileSync(
      file,
      `hostname: mx.example.org\nlisteners: [{ name: mx, port: 0 }]\n${plugins}  - { use: "@posthouse/store-sqlite", config: { path: ./var } }\n`,
    );
    const { code, said } = await inProcess(['check', '-c', file]);
    assert.equal(code, 0, `${name}: ${said}`);
  }
});

test('a new server is good as it stands, and its files are those that it needs', async () => {
  const folder = join(FOLDER, 'My Mail.Server');
  const { code, said } = await inProcess(['new', 'server', folder]);
  assert.equal(code, 0, said);
  assert.match(said, /npm start/);
  assert.deepEqual(readdirSync(folder).sort(), ['.gitignore', 'README.md', 'package.json', 'posthouse.yaml']);
  const { name, scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  assert.equal(name, 'my-mail-server');
  assert.equal(scripts.start, 'posthouse start');
  const checked = await inProcess(['check', '-c', join(folder, 'posthouse.yaml')]);
  assert.equal(checked.code, 0, checked.said);
});

test('where something is already, nothing is written', async () => {
  const folder = join(FOLDER, 'taken');
  mkdirSync(folder);
  writeFileSync(join(folder, 'mine.txt'), 'mine');
  for (const given of [
    ['plugin', 'check-x', '--folder', folder],
    ['server', folder],
    ['server', join(folder, 'mine.txt')],
  ]) {
    const { code, said } = await inProcess(['new', ...given]);
    assert.equal(code, 2);
    assert.match(
      said,
      /taken is there already and is not empty; nothing was written|cannot be written: it is a file/,
    );
  }
  assert.deepEqual(readdirSync(folder), ['mine.txt']);
});

test('what it was not told it asks, where somebody sits at the terminal', async () => {
  const folder = join(FOLDER, 'check-asked');
  const asked: string[] = [];
  const { code } = await inProcess(['new', 'plugin', '@me/check-asked', '--folder', folder], {
    question: async (text) => {
      asked.push(text);
      return 'on-data';
    },
    confirm: async (text) => {
      asked.push(text);
      return true;
    },
  });
  assert.equal(code, 0);
  assert.equal(asked.length, 2);
  assert.match(readFileSync(join(folder, 'src/index.js'), 'utf8'), /'on-data'/);
  assert.equal(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).name, '@me/check-asked');
});

for (const [given, says] of [
  [['plugin', 'Greylist'], /role-subject in small letters/],
  [['plugin', 'check-x', '--hook', 'on-dta'], /no hook on-dta; did you mean on-data\?/],
  [['plugn', 'check-x'], /makes no plugn; did you mean plugin\?/],
  [['plugin'], /say what: posthouse new plugin/],
  [['server', 'mail', '--js'], /--js is for plugins/],
] as const) {
  test(`posthouse new ${given.join(' ')} says what is wrong`, async () => {
    const { code, said } = await inProcess(['new', ...given]);
    assert.equal(code, 2);
    assert.match(said, says);
  });
}
