// What a block of the documentation becomes as a file: a module that can be compiled, a configuration that can be checked.

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { type Block, ROOT } from './documented-blocks.ts';

export interface Placed extends Block {
  readonly path: string;
}

export function write(block: Placed): void {
  mkdirSync(dirname(block.path), { recursive: true });
  if (block.language === 'yaml') writeNamedFiles(block);
  writeFileSync(block.path, block.language === 'yaml' ? completed(block) : asModule(block));
}

/** Where a block that shows only hooks has its names from. */
const NAMES = {
  '@posthouse/core': ['Outcome', 'Verdict'],
  'node:crypto': ['createHash'],
  'node:fs/promises': ['writeFile'],
};

/** A block that begins with the name of a hook stands for a plugin of which it shows the hooks. */
function asModule({ text }: Block): string {
  if (!/^(?:async )?'on-/.test(text)) return text;
  const imports = Object.entries(NAMES).map(([from, names]) => {
    const used = names.filter((name) => new RegExp(`\\b${name}\\b`).test(text));
    return `import { ${used.join(', ')} } from '${from}';`;
  });
  return `import { definePlugin, Resolver } from '@posthouse/core';
${imports.join('\n')}
export default definePlugin({ name: 'check-page', needs: { resolver: Resolver }, setup: ({ resolver }) => ({ hooks: {
${text}} }) });
`;
}

/** A block of YAML that shows a part of posthouse.yaml. */
export function isConfiguration({ language, text }: Block): boolean {
  return language === 'yaml' && /^(?:plugins|listeners|delivery|tls|hostname):/m.test(text);
}

/** What a block leaves out, because its page is about something else, as small as it can be. */
function completed({ text }: Block): string {
  const here = text.replaceAll('/etc/posthouse/', './etc/');
  const { plugins = [], ...shown } = parse(here) as { plugins?: { use: string; on?: string[] }[] };
  const store = plugins.some(({ use }) => use.includes('store-'));
  const named = new Set(['mx', ...plugins.flatMap(({ on = [] }) => on)]);
  return JSON.stringify({
    hostname: 'house.example',
    listeners: [...named].map((name) => ({ name, port: 0 })),
    ...shown,
    plugins: store ? plugins : [{ use: '@posthouse/store-sqlite', config: { path: './queue' } }, ...plugins],
  });
}

const CERTIFICATE = join(ROOT, 'test/fixtures/house.example');

/** The files that a block names: certificates and their keys, and secrets. */
function writeNamedFiles({ text, path }: Placed): void {
  const named = [...text.matchAll(/(?:\/etc\/posthouse|\$\{file:\.)\/([\w.]+)/g)].map(([whole, name = '']) =>
    join(dirname(path), whole.startsWith('/etc') ? 'etc' : '', name),
  );
  for (const file of named) {
    mkdirSync(dirname(file), { recursive: true });
    if (file.endsWith('.key.pem')) copyFileSync(`${CERTIFICATE}.key.pem`, file);
    else if (file.endsWith('.pem')) copyFileSync(`${CERTIFICATE}.cert.pem`, file);
    else writeFileSync(file, 'a secret of more than thirty-two characters\n');
  }
}

/** A value for each variable that a block names. */
export function environmentOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/\$\{env:(\w+)\}/g)].map(([, name = '']) => [name, 'secret of 16 characters']),
  );
}
