// The plugins that are at work: started in order, stopped in reverse, and exchanged while the server runs. A plugin that
// is not wanted any more goes when the last session and the last attempt that know it have ended.

import type { Logger } from '../contract/index.ts';
import type { AssembledPlugin } from './assembly.ts';
import { Lifecycle } from './lifecycle.ts';

export class Crew {
  readonly #log: Logger;
  /** In the order of their start. */
  #atWork: readonly AssembledPlugin[] = [];
  readonly #leaving = new Set<AssembledPlugin>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Starts those that are not at work yet. Rejects with what one of them threw, when those begun before are stopped again. */
  async start(plugins: readonly AssembledPlugin[]): Promise<void> {
    const others = plugins.filter((plugin) => !this.#atWork.includes(plugin));
    await new Lifecycle(this.#log).start(others.map(startable));
    this.#atWork = [...this.#atWork, ...others];
  }

  /** Lets the others go, once `free` resolves: nobody asks them anything any more. @returns their names */
  keepOnly(kept: ReadonlySet<AssembledPlugin>, free: Promise<unknown>): readonly string[] {
    const leaving = this.#atWork.filter((plugin) => !kept.has(plugin));
    this.#atWork = this.#atWork.filter((plugin) => kept.has(plugin));
    for (const plugin of leaving) this.#leaving.add(plugin);
    void free.then(() => this.#stop(leaving.filter((plugin) => this.#leaving.delete(plugin))));
    return leaving.map(({ name }) => name);
  }

  /** Never rejects: one that fails to stop keeps no other from stopping. */
  async stop(): Promise<void> {
    const all = [...this.#leaving, ...this.#atWork];
    this.#leaving.clear();
    this.#atWork = [];
    await this.#stop(all);
  }

  /** In reverse. */
  async #stop(plugins: readonly AssembledPlugin[]): Promise<void> {
    for (const plugin of plugins.toReversed()) {
      try {
        await plugin.body.stop?.();
      } catch (error) {
        const words = error instanceof Error ? error.message : String(error);
        this.#log.error({ part: `plugin ${plugin.name}`, error: words }, 'stopping failed');
      }
    }
  }
}

function startable({ name, body }: AssembledPlugin) {
  return { name: `plugin ${name}`, start: () => body.start?.(), stop: () => body.stop?.() };
}
