// Which modules of the plugins import which, and since which save each is as it is. A module is imported anew when it
// was saved or something that it imports was, directly or not; any other stays the one that its users share. Pure.

interface Module {
  /** Since which save it is as it is; 0: since the start. */
  generation: number;
  /** The paths of what it imports. */
  readonly imports: Set<string>;
  /** Imported from outside of the graph: this is where a plugin begins. */
  entry: boolean;
}

export class ModuleGraph {
  readonly #modules = new Map<string, Module>();
  #generation = 0;

  /**
   * A module is imported, or would be if its file were there.
   * @param importer undefined for one outside of the graph
   * @returns its generation
   */
  imported(path: string, importer: string | undefined): number {
    let module = this.#modules.get(path);
    if (module === undefined) {
      module = { generation: 0, imports: new Set(), entry: false };
      this.#modules.set(path, module);
    }
    if (importer === undefined) module.entry = true;
    else this.#modules.get(importer)?.imports.add(path);
    return module.generation;
  }

  /**
   * The files of these modules were saved.
   * @returns the modules that are to be imported anew, and whether a plugin is among them: if not, nobody uses what was saved
   */
  saved(paths: Iterable<string>): { readonly stale: readonly string[]; readonly reachesPlugin: boolean } {
    this.#generation += 1;
    const stale = new Set([...paths].filter((path) => this.#modules.has(path)));
    // A set that grows while it is walked: those that are added are visited too.
    for (const path of stale)
      for (const [other, { imports }] of this.#modules) if (imports.has(path)) stale.add(other);
    let reachesPlugin = false;
    for (const path of stale) {
      const module = this.#modules.get(path) as Module;
      module.generation = this.#generation;
      // What it imports now is seen when it is imported.
      module.imports.clear();
      reachesPlugin ||= module.entry;
    }
    return { stale: [...stale], reachesPlugin };
  }
}
