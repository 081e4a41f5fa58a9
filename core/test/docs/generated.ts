// The documentation that is written from schemas: which files, what they hold now and what they should hold.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  asPlugin,
  configurationReference,
  configurationTable,
} from '../../src/server/configuration/index.ts';
import { apiFiles } from './api-pages.ts';
import { compilerSays, mistakesPage } from './mistakes.ts';

export interface GeneratedFile {
  /** Absolute. */
  readonly path: string;
  readonly found: string;
  readonly wanted: string;
}

const BEGIN = '<!-- configuration -->';
const END = '<!-- /configuration -->';

/** The repository, seen from core/dist/test/docs. */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

export async function generatedFiles(): Promise<readonly GeneratedFile[]> {
  const reference = join(ROOT, 'core/docs/configuration.md');
  const files: GeneratedFile[] = [
    {
      path: reference,
      found: existsSync(reference) ? readFileSync(reference, 'utf8') : '',
      wanted: configurationReference(),
    },
    ...apiFiles(),
  ];
  const plugins = readdirSync(join(ROOT, 'plugins')).map((name) => join(ROOT, 'plugins', name));
  for (const folder of [...plugins, join(ROOT, 'plugin-template')]) {
    const file = await readmeOf(folder);
    if (file !== undefined) files.push(file);
  }
  return files;
}

/** By itself, because the compiler is asked; type-errors.test.ts compares it. */
export function typeErrorsFile(): GeneratedFile {
  const path = join(ROOT, 'core/docs/type-errors.md');
  const found = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return { path, found, wanted: mistakesPage(compilerSays()) };
}

/** A plugin that is not built, or is still without a README, has nothing to compare. */
async function readmeOf(folder: string): Promise<GeneratedFile | undefined> {
  const path = join(folder, 'README.md');
  const built = join(folder, 'dist/src/index.js');
  if (!existsSync(path) || !existsSync(built)) return undefined;
  const { default: exported } = (await import(pathToFileURL(built).href)) as { readonly default: unknown };
  const plugin = asPlugin(exported);
  if (typeof plugin === 'string') throw new Error(`${folder}: ${plugin}`);
  const found = readFileSync(path, 'utf8');
  const begin = found.indexOf(BEGIN);
  const end = found.indexOf(END);
  if (begin !== -1 && end > begin) {
    const table = configurationTable(plugin.spec.config);
    const wanted = `${found.slice(0, begin + BEGIN.length)}\n${table}\n${found.slice(end)}`;
    return { path, found, wanted };
  }
  if (plugin.spec.config === undefined) return undefined;
  throw new Error(
    `${path} has no place for its configuration table: put ${BEGIN} and ${END} on lines of their own`,
  );
}
