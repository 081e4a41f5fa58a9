// Which of several certificates a client gets: by the name that it asks for (SNI, RFC 6066 §3). Pure.

interface Named {
  readonly names: readonly string[];
}

/** Of certificates with the same name the first has it. */
export class NameTable<T extends Named> {
  readonly #exact = new Map<string, T>();
  /** By what stands behind `*.`. */
  readonly #wildcard = new Map<string, T>();
  readonly #fallback: T;

  /** @param certificates the first is for all other names */
  constructor(certificates: readonly [T, ...T[]]) {
    this.#fallback = certificates[0];
    for (const certificate of certificates) {
      for (const name of certificate.names) {
        const [table, key] = name.startsWith('*.')
          ? ([this.#wildcard, name.slice(2)] as const)
          : ([this.#exact, name] as const);
        if (!table.has(key)) table.set(key, certificate);
      }
    }
  }

  /** A wildcard stands for one label, the leftmost (RFC 9525 §6.3). */
  find(serverName: string): T {
    const name = serverName.toLowerCase().replace(/\.$/, '');
    return this.#exact.get(name) ?? this.#wildcard.get(name.slice(name.indexOf('.') + 1)) ?? this.#fallback;
  }
}
