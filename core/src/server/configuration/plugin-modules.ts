// From the word after `use:` to a plugin: finds the module, imports it and looks at what it exports.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type AnyPluginSpec, type ErrorCode, PosthouseError } from '../../contract/index.ts';
import { madeForAnotherCore } from './core-range.ts';
import { moduleTrouble } from './module-trouble.ts';
import { nearest } from './near-words.ts';
import { quote } from './problem.ts';
import { isPlain, typeOf } from './source.ts';

/** A plugin as a module or a definition brings it. */
export interface FoundPlugin {
  readonly spec: AnyPluginSpec;
  /** The configuration that it was given where it is exported; undefined for a factory. */
  readonly config: unknown;
}

export type Loaded =
  | { readonly ok: true; readonly plugin: FoundPlugin }
  | { readonly ok: false; readonly code: ErrorCode; readonly text: string };

/** Where the core itself stands: plugins installed beside it are found without being the configuration's neighbours. */
const CORE = dirname(fileURLToPath(import.meta.url));

/** @param folder the configuration file's, from which relative paths and packages are seen first. */
export async function loadPlugin(use: string, folder: string): Promise<Loaded> {
  const imported = await importUse(use, folder);
  if (!imported.ok) return imported;
  const { exported } = imported;
  const plugin = asPlugin(exported.default);
  if (typeof plugin !== 'string') return { ok: true, plugin };
  const others = Object.keys(exported).filter((name) => name !== 'default');
  const what =
    'default' in exported
      ? plugin
      : others.length === 0
        ? 'it exports nothing'
        : `it exports only ${others.join(', ')}`;
  return {
    ok: false,
    code: 'plugin-invalid',
    text: `${quote(use)} must have a plugin, made with definePlugin, as its default export; ${what}`,
  };
}

/** All that a plugin's package exports, for a command that is about this plugin. Throws where it cannot be loaded. */
export async function importPackage(
  name: string,
  folder: string,
): Promise<Readonly<Record<string, unknown>>> {
  const imported = await importUse(name, folder);
  if (!imported.ok) throw new PosthouseError(imported.code, imported.text);
  return imported.exported;
}

type Imported =
  | { readonly ok: true; readonly exported: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly code: ErrorCode; readonly text: string };

async function importUse(use: string, folder: string): Promise<Imported> {
  const found = isFile(use) ? findFile(use, folder) : findPackage(use, folder);
  if (!found.ok) return found;
  const strange = madeForAnotherCore(found.path);
  if (strange !== undefined)
    return { ok: false, code: 'plugin-of-another-core', text: `${quote(use)} ${strange}` };
  try {
    const exported = (await import(pathToFileURL(found.path).href)) as Readonly<Record<string, unknown>>;
    return { ok: true, exported };
  } catch (error) {
    return {
      ok: false,
      code: 'plugin-not-found',
      text: `${quote(use)} cannot be loaded: ${await moduleTrouble(error, found.path)}`,
    };
  }
}

/** The plugin in a value, or why there is none. */
export function asPlugin(value: unknown): FoundPlugin | string {
  const holder =
    typeof value === 'function' || (typeof value === 'object' && value !== null) ? value : undefined;
  const spec: unknown = holder !== undefined && 'plugin' in holder ? holder.plugin : undefined;
  if (holder === undefined || typeof spec !== 'object' || spec === null)
    return `it is ${describeValue(value)}`;
  const { name, setup, config } = spec as Partial<AnyPluginSpec>;
  if (typeof name !== 'string' || !/^[a-z][a-z0-9-]*$/.test(name)) {
    return `its name is ${quote(name)}, not small letters, digits and hyphens`;
  }
  if (typeof setup !== 'function') return `${name} has no setup function`;
  if (config !== undefined && (config as { readonly type?: unknown }).type !== 'object') {
    return `the config of ${name} is no schema of an object`;
  }
  return {
    spec: spec as AnyPluginSpec,
    config: typeof holder === 'object' && 'config' in holder ? holder.config : undefined,
  };
}

function describeValue(value: unknown): string {
  if (typeof value === 'function')
    return `the function ${value.name || 'without a name'}, which definePlugin did not make`;
  return isPlain(value)
    ? `an object with ${Object.keys(value).join(', ') || 'nothing in it'}`
    : typeOf(value);
}

type Found =
  | { readonly ok: true; readonly path: string }
  | { readonly ok: false; readonly code: 'plugin-not-found'; readonly text: string };

function isFile(use: string): boolean {
  return /^(?:\.{1,2})?\//.test(use);
}

function findFile(use: string, folder: string): Found {
  const path = resolve(folder, use);
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return { ok: true, path };
  const near = nearest(basename(path), namesIn(dirname(path)));
  const hint =
    near === undefined ? '' : `; did you mean ${use.slice(0, use.length - basename(path).length)}${near}?`;
  return {
    ok: false,
    code: 'plugin-not-found',
    text: `${quote(use)} was not found: there is no file ${path}${hint}`,
  };
}

function findPackage(use: string, folder: string): Found {
  for (const from of [folder, CORE]) {
    const path = resolvePackage(use, from);
    if (path !== undefined) return { ok: true, path };
  }
  const installed = [...installedPlugins(folder).keys()];
  if (installed.includes(use)) {
    const text = `${quote(use)} is installed, but the file that its package.json exports is not there; has it been built?`;
    return { ok: false, code: 'plugin-not-found', text };
  }
  const near =
    nearest(use, installed) ?? (isFolderName(use) ? nearest(`@posthouse/${use}`, installed) : undefined);
  const hint = near === undefined ? 'npm install it' : `did you mean ${near}, which is installed?`;
  const text = `${quote(use)} was not found in the node_modules seen from ${folder} or from ${CORE}; ${hint}`;
  return { ok: false, code: 'plugin-not-found', text };
}

function isFolderName(use: string): boolean {
  return /^[a-z][a-z0-9-]*$/.test(use);
}

function resolvePackage(use: string, from: string): string | undefined {
  try {
    return createRequire(join(from, 'from-here.js')).resolve(use);
  } catch (error) {
    // `exports` with no condition but `import`, which `require` does not see.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') return undefined;
    const root = nodeModulesFrom(from).find((modules) =>
      statSync(join(modules, use), { throwIfNoEntry: false }),
    );
    const door = root === undefined ? undefined : importDoor(join(root, use));
    return root === undefined || door === undefined ? undefined : join(root, use, door);
  }
}

function importDoor(folder: string): string | undefined {
  const { exports } = readPackage(folder);
  let door: unknown = isPlain(exports) && '.' in exports ? exports['.'] : exports;
  while (isPlain(door)) door = door.node ?? door.import ?? door.default;
  return typeof door === 'string' ? door : undefined;
}

/** The plugin packages that `use:` could name, each with its description. Those nearer to the configuration come first. */
export function installedPlugins(folder: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const modules of [...nodeModulesFrom(folder), ...nodeModulesFrom(CORE)]) {
    const names = [
      ...namesIn(modules).filter((name) => name.startsWith('posthouse-plugin-')),
      ...namesIn(join(modules, '@posthouse')).map((name) => `@posthouse/${name}`),
    ];
    for (const name of names) {
      const { keywords, description } = readPackage(join(modules, name));
      const isPlugin = Array.isArray(keywords) && keywords.includes('posthouse-plugin');
      if (isPlugin && !found.has(name)) found.set(name, typeof description === 'string' ? description : '');
    }
  }
  return found;
}

function nodeModulesFrom(folder: string): readonly string[] {
  const all: string[] = [];
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (basename(at) !== 'node_modules') all.push(join(at, 'node_modules'));
    if (at === dirname(at)) return all;
  }
}

function readPackage(folder: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Readonly<
      Record<string, unknown>
    >;
  } catch {
    // No package, or none that can be read: nothing is known of it.
    return {};
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // A folder that is not there has no names in it.
    return [];
  }
}
