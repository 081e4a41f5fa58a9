// The packages as npm packs them: what is in them, that nothing undeclared is imported, and that types resolve for
// those who install them (publint, arethetypeswrong).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { before, test } from 'node:test';
import { checkPackage, createPackageFromTarballData, type Package } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { ROOT, TemporaryFolder } from '../support/server-process.ts';

/** What npm packs besides what `files` names. */
const ALWAYS = ['package.json', 'README.md', 'LICENSE'];
/** Resolutions that Posthouse does not serve: Node 24 requires ES modules, and node10 knows no `exports`. */
const UNSERVED = new Set(['node10', 'node16-cjs']);

const folders = ['core/package.json', ...globSync('plugins/*/package.json', { cwd: ROOT })].map(dirname);
const packed = new Map<string, { readonly tarball: Buffer; readonly files: readonly string[] }>();

before(() => {
  using folder = new TemporaryFolder('packages');
  const workspaces = [...folders, 'core/create'].flatMap((name) => ['-w', name]);
  const given = ['pack', '--json', '--foreground-scripts=false', '--pack-destination', folder.path];
  const output = execFileSync('npm', [...given, ...workspaces], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // A list up to npm 11, an object by name since.
  const results = Object.values(
    JSON.parse(output) as Record<
      string,
      { name: string; filename: string; files: readonly { path: string }[] }
    >,
  );
  for (const { name, filename, files } of results) {
    packed.set(name, {
      tarball: readFileSync(folder.join(filename)),
      files: files.map(({ path }) => path),
    });
  }
});

for (const folder of folders) {
  const manifest = JSON.parse(readFileSync(`${ROOT}${folder}/package.json`, 'utf8'));

  test(`${manifest.name} has in its package what those who install it need, and nothing else`, async () => {
    const { tarball, files } = packed.get(manifest.name) ?? {};
    assert.ok(tarball && files, 'npm pack made nothing of it');
    for (const file of ALWAYS) assert.ok(files.includes(file), `${file} is missing`);
    const sources = globSync('src/**/*.ts', { cwd: `${ROOT}${folder}` });
    for (const source of sources) {
      assert.ok(files.includes(source), `${source} is missing: maps of the source lead to it`);
      for (const end of ['.js', '.d.ts', '.js.map', '.d.ts.map']) {
        const built = `dist/${source.replace(/\.ts$/, end)}`;
        assert.ok(files.includes(built), `${built} is missing: npm run build`);
      }
    }
    const allowed = new RegExp(
      `^(?:${folder === 'core' ? 'bin/|docs/|template/|CHANGELOG.md$|' : ''}dist/src/|src/)`,
    );
    const others = files.filter((file) => !allowed.test(file) && !ALWAYS.includes(file));
    assert.deepEqual(others, []);
    const tests = files.filter((file) => /^(?!template).*(?:\.test\.|\.tsbuildinfo$)/.test(file));
    assert.deepEqual(tests, []);
    const stale = files.filter(
      (file) => /^dist\/.*\.js$/.test(file) && !files.includes(file.slice(5).replace(/js$/, 'ts')),
    );
    assert.deepEqual(stale, [], 'what was built of files that have gone: rm -r dist, and build');

    const whole = createPackageFromTarballData(tarball);
    assert.deepEqual(undeclared(whole, manifest), []);
    const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(tarball).buffer } });
    assert.deepEqual(
      messages.map((message) => formatMessage(message, pkg)),
      [],
    );
    const types = await checkPackage(whole);
    assert.ok(types.types, 'it has no types');
    const problems = types.problems.filter(
      (problem) => !('resolutionKind' in problem && UNSERVED.has(problem.resolutionKind)),
    );
    assert.deepEqual(problems, []);
  });
}

const IMPORT = /^(?:import|export|\})[^'"\n]*? from ['"]([^'"]+)['"]|\bimport\(['"]([^'"]+)['"]\)/gm;

test('the core has in its package all that posthouse new makes a plugin of, and the changelog', () => {
  const { files = [] } = packed.get('@posthouse/core') ?? {};
  const template = globSync('{src,test}/*.ts', { cwd: `${ROOT}plugin-template` }).map(
    (file) => `template/${file}`,
  );
  assert.deepEqual(files.filter((file) => file.startsWith('template/')).sort(), template.sort());
  assert.ok(files.includes('CHANGELOG.md'));
});

test('create-posthouse is its command, and nothing else', () => {
  assert.deepEqual([...(packed.get('create-posthouse')?.files ?? [])].sort(), [...ALWAYS, 'bin.js'].sort());
});

interface Manifest {
  readonly name: string;
  readonly dependencies?: object;
  readonly peerDependencies?: object;
}

/**
 * Packages that its modules or their types import and that its package.json does not bring along. Declarations of a
 * plugin name the types of its schema, which are typebox's: the core brings it, and it is the core's that is meant.
 */
function undeclared(whole: Package, { name, dependencies, peerDependencies }: Manifest): readonly string[] {
  const declared = new Set([name, ...Object.keys({ ...dependencies, ...peerDependencies })]);
  const found = new Set<string>();
  for (const file of whole.listFiles()) {
    if (!/\/dist\/.*\.(?:js|d\.ts)$/.test(file)) continue;
    for (const [, named, expression] of whole.readFile(file).matchAll(IMPORT)) {
      const from = /^(?:@[^/]+\/)?[^./][^/]*/.exec(named ?? expression ?? '')?.[0];
      const cores = from === 'typebox' && file.endsWith('.d.ts');
      if (from !== undefined && !from.startsWith('node:') && !declared.has(from) && !cores)
        found.add(`${file} imports ${from}`);
    }
  }
  return [...found];
}
