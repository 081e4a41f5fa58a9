// From what was written to a ResolvedDefinition: one way for YAML and TypeScript, and all problems in one error.

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { ErrorCode } from '../../contract/index.ts';
import {
  type ResolvedDefinition,
  type ResolvedPlugin,
  type ServerDefinition,
  ServerSchema,
} from '../definition.ts';
import { certificateFiles } from '../tls/settings.ts';
import type { Finding } from './findings.ts';
import { asPlugin, type FoundPlugin, type Loaded, loadPlugin } from './plugin-modules.ts';
import { byPosition, ConfigurationError, type Problem, pathOf } from './problem.ts';
import { SchemaCheck } from './schema-check.ts';
import { type Complaint, nameComplaints, serverComplaints } from './semantics.ts';
import { fromObject, isPlain, type Source } from './source.ts';
import { readYaml } from './yaml-source.ts';

const NEEDS_FILE =
  'needs a configuration file: a definition in TypeScript brings its plugins as values, which other threads cannot have';
const DEFAULT_SOCKET = 'var/control.sock';

/** The members of a checked server document; `plugins` are still without their plugins. */
type CheckedServer = Omit<
  ResolvedDefinition,
  'plugins' | 'listeners' | 'control' | 'dns' | 'authenticationResults' | 'workers'
> & {
  readonly listeners: readonly (Omit<ResolvedDefinition['listeners'][number], 'tls'> & {
    readonly tls?: 'none' | 'starttls' | 'implicit';
  })[];
  readonly authenticationResults: { readonly authservId?: string; readonly trusted: readonly string[] };
  readonly control?: { readonly socket: string } | false;
  readonly dns: { readonly servers?: readonly string[]; readonly timeout: number };
  readonly workers: number | 'auto';
  readonly plugins: readonly CheckedEntry[];
};
interface CheckedEntry {
  readonly use: string;
  readonly name?: string;
  readonly on?: readonly string[];
  readonly mode: ResolvedPlugin['mode'];
  readonly onError: ResolvedPlugin['onError'];
  readonly timeout?: number;
  config?: unknown;
}

/**
 * Reads and checks a configuration file and loads its plugins, touching nothing else. Throws a ConfigurationError
 * with every problem that could be found.
 * @param text what stands in the file, where another thread has read it
 */
export async function loadConfiguration(
  file: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
  text?: string,
): Promise<ResolvedDefinition> {
  const { source, problems } = readYaml(file, environment, text);
  const resolution = new Resolution(source, problems);
  const loaded = await Promise.all(
    usesIn(source.value).map((use) => (use === undefined ? undefined : loadPlugin(use, source.folder))),
  );
  return resolution.finish(loaded, resolve(source.folder, DEFAULT_SOCKET));
}

/**
 * The same for a definition in TypeScript. Relative paths are taken from `folder`; there is no control socket unless
 * the definition has one, since a library leaves no files about unasked.
 */
export function resolveDefinition(definition: ServerDefinition, folder: string): ResolvedDefinition {
  const given: unknown = (definition as Partial<ServerDefinition> | undefined)?.plugins;
  const entries: readonly unknown[] = Array.isArray(given) ? given : [];
  const loaded = entries.map(loadedFrom);
  // The schema speaks of YAML, where a plugin is named.
  const written = entries.map((entry, index) => {
    const found = loaded[index];
    const use = found?.ok === true ? found.plugin.spec.name : '?';
    return isPlain(entry) && 'use' in entry ? { ...entry, use } : { use };
  });
  const source = fromObject(Array.isArray(given) ? { ...definition, plugins: written } : definition, folder);
  return new Resolution(source, []).finish(loaded, undefined);
}

function loadedFrom(entry: unknown): Loaded {
  const plugin = asPlugin(isPlain(entry) && 'use' in entry ? entry.use : entry);
  if (typeof plugin !== 'string') return { ok: true, plugin };
  return { ok: false, code: 'plugin-invalid', text: `must be a plugin made with definePlugin; ${plugin}` };
}

class Resolution {
  readonly #source: Source;
  readonly #problems: Problem[];
  /** Where reading failed there is no value to find fault with. */
  readonly #unread: ReadonlySet<string>;
  readonly #check: SchemaCheck;

  constructor(source: Source, problems: readonly Problem[]) {
    this.#source = source;
    this.#problems = [...problems];
    this.#unread = new Set(problems.map(({ path }) => path));
    this.#check = new SchemaCheck(source.folder);
  }

  finish(loaded: readonly (Loaded | undefined)[], defaultSocket: string | undefined): ResolvedDefinition {
    const { value, secrets } = this.#source;
    this.#report(this.#check.compile(ServerSchema)(value, secrets), '');
    this.#complain(serverComplaints(value));
    const { workers: asked } = isPlain(value) ? value : {};
    if (this.#source.file === undefined && typeof asked === 'number' && asked > 1)
      this.#complain([{ code: 'config-invalid', pointer: '/workers', text: NEEDS_FILE }]);
    const plugins = this.#plugins(loaded);
    if (this.#problems.length > 0) throw new ConfigurationError(byPosition(this.#problems));

    const {
      hostname,
      listeners,
      tls,
      limits,
      deadlines,
      delivery,
      authenticationResults,
      control,
      workers,
      log,
      dns,
    } = value as CheckedServer;
    const socket = control === undefined ? defaultSocket : control === false ? undefined : control.socket;
    return {
      resolved: true,
      file: this.#source.file,
      text: this.#source.text,
      folder: this.#source.folder,
      hostname: hostname.toLowerCase(),
      listeners: listeners.map((listener) => ({
        ...listener,
        tls: listener.tls ?? (certificateFiles(tls).length === 0 ? 'none' : 'starttls'),
      })),
      tls,
      limits,
      deadlines,
      delivery,
      authenticationResults: {
        authservId: authenticationResults.authservId ?? hostname.toLowerCase(),
        trusted: authenticationResults.trusted,
      },
      control: socket === undefined ? undefined : { socket },
      workers: workersFor(workers, this.#source.file, availableParallelism()),
      log,
      dns: { servers: dns.servers, timeout: dns.timeout },
      plugins,
      secrets: this.#pathsOf(this.#source.secrets),
      written: this.#pathsOf(this.#source.written),
    };
  }

  /** The entries with their plugins; those that are not well are left out, and reported. */
  #plugins(loaded: readonly (Loaded | undefined)[]): readonly ResolvedPlugin[] {
    const { value } = this.#source;
    const entries =
      isPlain(value) && Array.isArray(value.plugins) ? (value.plugins as readonly CheckedEntry[]) : [];
    const plugins = loaded.map((one, index) => {
      if (one === undefined) return undefined;
      if (one.ok) return this.#plugin(entries[index] as CheckedEntry, one.plugin, index);
      const at = this.#source.file === undefined ? `/plugins/${index}` : `/plugins/${index}/use`;
      this.#complain([{ code: one.code, pointer: at, text: one.text }]);
      return undefined;
    });
    this.#complain(
      nameComplaints(
        plugins.map((plugin) => plugin?.name),
        (index) => entries[index]?.name !== undefined,
      ),
    );
    return plugins.filter((plugin) => plugin !== undefined);
  }

  #plugin(entry: CheckedEntry, { spec, config: brought }: FoundPlugin, index: number): ResolvedPlugin {
    // The check works in place, and problems are told from the entry: a brought configuration is copied there.
    entry.config ??= brought === undefined ? {} : fromObject(brought, '').value;
    this.#checkConfig(entry, spec, index);
    const { name, use, on, mode, onError, timeout, config } = entry;
    return {
      spec,
      name: typeof name === 'string' ? name : spec.name,
      use,
      config: config as Readonly<Record<string, unknown>>,
      on,
      mode,
      onError,
      timeout,
    };
  }

  #checkConfig(entry: CheckedEntry, { name, config: schema }: FoundPlugin['spec'], index: number): void {
    const pointer = `/plugins/${index}/config`;
    // Without a schema there is nothing to configure.
    let check: ReturnType<SchemaCheck['compile']>;
    try {
      check = this.#check.compile(schema ?? { type: 'object', properties: {} });
    } catch (error) {
      const text = `cannot be checked: the schema of ${name} is faulty: ${(error as Error).message}`;
      this.#complain([{ code: 'plugin-invalid', pointer, text }]);
      return;
    }
    const inConfig = [...this.#source.secrets].filter((secret) => secret.startsWith(`${pointer}/`));
    this.#report(
      check(entry.config, new Set(inConfig.map((secret) => secret.slice(pointer.length)))),
      pointer,
    );
  }

  #report(findings: readonly Finding[], prefix: string): void {
    for (const finding of findings) {
      const pointer = `${prefix}${finding.pointer}`;
      const text = this.#isSecret(pointer) ? finding.textWithoutValue : finding.text;
      this.#add('config-invalid', pointer, finding.part, text);
    }
  }

  #complain(complaints: readonly Complaint[]): void {
    for (const { code, pointer, text } of complaints) this.#add(code, pointer, 'value', text);
  }

  #add(code: ErrorCode, pointer: string, part: 'key' | 'value', text: string): void {
    const { file, value } = this.#source;
    const path = pathOf(pointer, value);
    if (this.#unread.has(path)) return;
    this.#problems.push({ code, file, position: this.#source.locate(pointer, part), path, text });
  }

  #isSecret(pointer: string): boolean {
    return [...this.#source.secrets].some(
      (secret) => pointer === secret || pointer.startsWith(`${secret}/`) || secret.startsWith(`${pointer}/`),
    );
  }

  #pathsOf(pointers: ReadonlySet<string>): ReadonlySet<string> {
    return new Set([...pointers].map((pointer) => pathOf(pointer, this.#source.value)));
  }
}

/** Where the definition is TypeScript its plugins are values, which other threads cannot have. Pure. */
export function workersFor(wanted: number | 'auto', file: string | undefined, processors: number): number {
  if (wanted !== 'auto') return wanted;
  return file === undefined || processors <= 2 ? 1 : processors - 1;
}

/** What a configuration, which may be wrong otherwise, uses: for whoever only wants to know its plugins. */
export function usesOf(
  file: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): readonly string[] {
  return usesIn(readYaml(file, environment).source.value).filter((use) => use !== undefined);
}

/** What stands after each `use:`, whether or not the rest is well formed. */
function usesIn(server: unknown): readonly (string | undefined)[] {
  const plugins = isPlain(server) ? server.plugins : undefined;
  if (!Array.isArray(plugins)) return [];
  return plugins.map((entry: unknown) => {
    const use = isPlain(entry) ? entry.use : undefined;
    return typeof use === 'string' && use !== '' ? use : undefined;
  });
}

/**
 * The control socket of a configuration that may be wrong otherwise, for whoever only wants to talk to its server;
 * undefined when it is switched off.
 */
export function controlSocketOf(
  file: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const { source } = readYaml(file, environment);
  const control = isPlain(source.value) ? source.value.control : undefined;
  if (control === false) return undefined;
  const socket = isPlain(control) ? control.socket : undefined;
  return resolve(source.folder, typeof socket === 'string' ? socket : DEFAULT_SOCKET);
}
