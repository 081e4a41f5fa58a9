// The files of a new plugin, from plugin-template/: the same source, under the plugin's own name. The template has no
// type annotations, everything in it is inferred: so it is JavaScript as it stands, too.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { UsageError } from './command.ts';
import type { Files } from './new-folder.ts';

interface Sample {
  /** In the template. */
  readonly source: string;
  readonly tests: readonly string[];
  /** The roles that such plugins have: the first word of their names. */
  readonly roles: string;
  /** A configuration that works. */
  readonly config: string;
  readonly does: string;
}

const SAMPLES = {
  'on-connect': {
    source: 'src/on-connect.ts',
    tests: ['test/on-connect.test.ts'],
    roles: 'check-…',
    config: '{ refused: [192.0.2.1] }',
    does: 'refuses clients at the addresses in `refused`, before they have said a word',
  },
  'on-mail-from': {
    source: 'src/index.ts',
    tests: ['test/check-example.test.ts', 'test/plugin-contract.test.ts'],
    roles: 'check-…',
    config: '{ refused: [spam.example] }',
    does: 'refuses senders whose domain is in `refused`, and logs every hour (`reportEvery`) how much was queued',
  },
  'on-rcpt': {
    source: 'src/on-rcpt.ts',
    tests: ['test/on-rcpt.test.ts'],
    roles: 'accept-… or check-…',
    config: '{ addresses: [ann@example.org] }',
    does: 'accepts mail for the addresses in `addresses`',
  },
  'on-data': {
    source: 'src/on-data.ts',
    tests: ['test/on-data.test.ts'],
    roles: 'check-… or sign-…',
    config: '{ words: [pills] }',
    does: 'refuses messages with one of `words` in their subject',
  },
  'on-deliver': {
    source: 'src/on-deliver.ts',
    tests: ['test/on-deliver.test.ts'],
    roles: 'deliver-… or route-…',
    config: '{ domain: example.org, folder: . }',
    does: 'writes each message for `domain` as a file into `folder`',
  },
} satisfies Record<string, Sample>;

export type SampleHook = keyof typeof SAMPLES;
export const HOOKS = Object.keys(SAMPLES) as readonly SampleHook[];

export function isHook(word: string): word is SampleHook {
  return Object.hasOwn(SAMPLES, word);
}

/** A configuration with which a new plugin does something, as YAML. */
export function sampleConfig(hook: SampleHook): string {
  return SAMPLES[hook].config;
}

/** Throws a UsageError for what npm or Posthouse would not take. */
export function checkedName(name: string): void {
  if (/^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z]+(?:-[a-z0-9]+)+$/.test(name)) return;
  const roles = Object.entries(SAMPLES).map(([hook, sample]) => `${sample.roles} for ${hook}`);
  throw new UsageError(
    `a plugin is named role-subject in small letters, such as check-greylist or @me/deliver-archive, not ${name}.\nRoles: ${roles.join(', ')}`,
  );
}

/** Without the scope: what logs and queue items call it. */
export function shortName(name: string): string {
  return name.replace(/^.*\//, '');
}

export interface NewPlugin {
  readonly name: string;
  readonly hook: SampleHook;
  readonly language: 'ts' | 'js';
  /** The version of the core that it is written for. */
  readonly core: string;
}

export function pluginFiles(plugin: NewPlugin): Files {
  const { name, hook, language } = plugin;
  const sample: Sample = SAMPLES[hook];
  const own = (text: string): string =>
    text
      .replaceAll(/\b(?:check|accept|deliver)-example\b/g, shortName(name))
      .replaceAll('example.refused', `${shortName(name)}.refused`)
      .replaceAll(/'\.\.\/src\/[a-z-]+\.ts'/g, `'../src/index.${language}'`)
      .replace(/^\/\/ Not for: use\..*$\n/m, '');
  const files = new Map([
    ['package.json', json(manifest(plugin))],
    ['tsconfig.json', json(CHECKED)],
    ['.gitignore', 'node_modules/\ndist/\n*.tgz\n'],
    ['README.md', readme(plugin, sample)],
    [`src/index.${language}`, own(fromTemplate(sample.source))],
  ]);
  if (language === 'ts') files.set('tsconfig.build.json', json(BUILT));
  for (const test of sample.tests) {
    const file = test.includes('plugin-contract') ? 'plugin-contract' : shortName(name);
    files.set(`test/${file}.test.${language}`, own(fromTemplate(test)));
  }
  return files;
}

/** In the repository it stands beside the core; in the core's package it is inside. */
function fromTemplate(path: string): string {
  const places = ['../../../template/', '../../../../plugin-template/'];
  const found = places.map((place) => fileURLToPath(new URL(place + path, import.meta.url))).find(existsSync);
  if (found === undefined) throw new Error(`the core was packed without its template: ${path} is missing`);
  return readFileSync(found, 'utf8');
}

function manifest({ name, language, core }: NewPlugin): object {
  const typed = language === 'ts';
  return {
    name,
    version: '0.1.0',
    description: 'A plugin of Posthouse',
    type: 'module',
    keywords: ['posthouse-plugin'],
    engines: { node: '>=24.15' },
    exports: { '.': typed ? './dist/index.js' : './src/index.js', './package.json': './package.json' },
    files: typed ? ['dist', 'src'] : ['src'],
    scripts: {
      test: 'node --test',
      check: 'tsc',
      ...(typed && { build: 'tsc --project tsconfig.build.json', prepack: 'npm run build' }),
    },
    peerDependencies: { '@posthouse/core': `^${core}` },
    devDependencies: { '@posthouse/core': `^${core}`, '@types/node': '^24.0.0', typescript: '^7.0.2' },
  };
}

/** What the compiler holds the source to; it writes nothing, because Node runs the source. */
const CHECKED = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    allowJs: true,
    checkJs: true,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ['src', 'test'],
};

/** What is published: JavaScript, because Node strips no types below node_modules. */
const BUILT = {
  extends: './tsconfig.json',
  compilerOptions: {
    noEmit: false,
    rootDir: 'src',
    outDir: 'dist',
    declaration: true,
    sourceMap: true,
    rewriteRelativeImportExtensions: true,
  },
  include: ['src'],
};

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function readme({ name, hook, language }: NewPlugin, { does, config }: Sample): string {
  const build = language === 'ts' ? '`npm run build` makes what is published. ' : '';
  return `# ${name}

A plugin of Posthouse. It asks ${hook}, and now it ${does}: put what you want there instead.

\`npm test\` runs the tests from source, \`npm run check\` asks the compiler. ${build}\`npm publish\` publishes it; say in
\`package.json\` first what it does and by which licence others may use it.

## In a server

\`\`\`yaml
plugins:
  - use: ../${shortName(name)}/src/index.${language}
    config: ${config}
\`\`\`

A path is seen from posthouse.yaml. Where it is installed as a package, \`use: "${name}"\` is enough.

\`npx posthouse start --watch\` takes over what you save while it runs, and says what is wrong with a save that it cannot use.
`;
}
