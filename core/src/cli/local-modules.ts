// Modules that can be imported anew: those of plugins that are being written, which are files outside of node_modules,
// also where a link leads there. Node keeps a module by its URL for ever; so whatever was saved gets a URL of its own.

import { createRequire, type ResolveFnOutput, type ResolveHookContext, registerHooks } from 'node:module';
import { dirname, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ModuleGraph } from './module-graph.ts';

/** Compiled or not, above this folder lies the core's: of the core there must be one only. */
const CORE = coreFolder();
const { cache: required } = createRequire(import.meta.url);

export class LocalModules {
  readonly #graph = new ModuleGraph();
  readonly #found: (path: string) => void;

  /**
   * From now on, for the rest of the process: Node has no way back to imports without the hook.
   * @param found told of each file that plugins are made of when it is first imported, also of one that is missing
   */
  constructor(found: (path: string) => void) {
    this.#found = found;
    registerHooks({
      resolve: (specifier, context, next) => {
        try {
          return this.#resolved(next(specifier, context), context);
        } catch (error) {
          // It may come with a later save.
          const { url } = error as { url?: unknown };
          const missing = typeof url === 'string' ? localPath(url) : undefined;
          if (missing !== undefined) this.#import(missing, context.parentURL);
          throw error;
        }
      },
    });
  }

  /** @returns whether a plugin is made of one of them: then it is made of them anew when it is next loaded. */
  saved(paths: Iterable<string>): boolean {
    const { stale, reachesPlugin } = this.#graph.saved(paths);
    // CommonJS keeps modules by their paths.
    for (const path of stale) delete required[path];
    return reachesPlugin;
  }

  #resolved(resolved: ResolveFnOutput, { parentURL, conditions }: ResolveHookContext): ResolveFnOutput {
    const path = localPath(resolved.url);
    if (path === undefined) return resolved;
    const generation = this.#import(path, parentURL);
    // What is required is kept by its path.
    if (generation === 0 || conditions.includes('require')) return resolved;
    const url = pathToFileURL(path);
    url.searchParams.set('saved', String(generation));
    return { ...resolved, url: url.href };
  }

  #import(path: string, parentUrl: string | undefined): number {
    const parent = parentUrl === undefined ? undefined : localPath(parentUrl);
    this.#found(path);
    return this.#graph.imported(path, parent);
  }
}

/** The path of a module that somebody may be writing; undefined for all others. */
export function localPath(url: string): string | undefined {
  if (!url.startsWith('file:///')) return undefined;
  const path = fileURLToPath(url);
  return path.includes(`${sep}node_modules${sep}`) || path.startsWith(CORE) ? undefined : path;
}

function coreFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const sources = here.slice(0, -`${sep}src${sep}cli`.length);
  return `${sources.endsWith(`${sep}dist`) ? dirname(sources) : sources}${sep}`;
}
