// posthouse start --watch: what is saved of the configuration and of the plugins being written is taken over at once.
// A save that cannot be used is told, and the server goes on as it was.

import { relative, resolve } from 'node:path';
import type { Clock } from '../contract/index.ts';
import type { ReloadReport, Server } from '../server/server.ts';
import { visible } from './columns.ts';
import { LocalModules } from './local-modules.ts';
import { Saves } from './saves.ts';

/** Names of files that a line has room for. */
const MAX_NAMED = 3;

export class Watch {
  readonly #configuration: string;
  readonly #saves: Saves;
  readonly #modules: LocalModules;

  /** To be made before the plugins are loaded. @param configuration the file, as it was given */
  constructor(configuration: string, clock: Clock) {
    this.#configuration = resolve(configuration);
    this.#saves = new Saves(clock);
    this.#saves.add(this.#configuration);
    this.#modules = new LocalModules((path) => this.#saves.add(path));
  }

  /** The files, for people. */
  describe(): string {
    return named(this.#saves.files);
  }

  start(server: Pick<Server, 'reload'>, say: (text: string) => void): void {
    this.#saves.start(async (paths) => {
      // A file that nobody imports any more is no reason.
      if (!this.#modules.saved(paths) && !paths.includes(this.#configuration)) return;
      try {
        say(`${named(paths)} saved: ${reloaded(await server.reload())}\n`);
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        say(
          `${named(paths)} saved, and cannot be used:\n${indented(text)}The server goes on as it was, and looks at the next save.\n`,
        );
      }
    });
  }

  stop(): void {
    this.#saves.stop();
  }
}

function reloaded({ started, leaving, opened, closed, milliseconds }: ReloadReport): string {
  const gone = leaving.filter((name) => !started.includes(name));
  const parts = [
    ['set up anew', started],
    ['gone', gone],
    ['listener opened', opened],
    ['listener closed', closed],
  ] as const;
  const changes = parts
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${names.join(', ')} ${what}`);
  return `${changes.length === 0 ? 'in force' : changes.join('; ')} (${milliseconds} ms)`;
}

function named(paths: readonly string[]): string {
  const names = paths.slice(0, MAX_NAMED).map((path) => visible(relative('', path)));
  return [...names, ...(paths.length > MAX_NAMED ? [`${paths.length - MAX_NAMED} more`] : [])].join(', ');
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${visible(line)}\n`)
    .join('');
}
