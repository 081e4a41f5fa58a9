// What is to be reported, counted: rows that differ in nothing are one, with their number, as a line of JSON. Pure.

export class Tally<Row> {
  readonly #counts = new Map<string, number>();

  /** Kinds of rows. */
  get size(): number {
    return this.#counts.size;
  }

  add(row: Row, count = 1): void {
    const key = JSON.stringify(row);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
  }

  /** A line for each, count first; and forgets them. */
  drain(): string {
    const lines = [...this.#counts].map(([key, count]) => `${count} ${key}\n`).join('');
    this.#counts.clear();
    return lines;
  }
}

/** A line as `drain` has written it; undefined for one that was cut off. */
export function talliedRow<Row>(line: string): { readonly count: number; readonly row: Row } | undefined {
  const space = line.indexOf(' ');
  const count = Number(line.slice(0, space));
  if (!Number.isInteger(count) || count < 1) return undefined;
  try {
    return { count, row: JSON.parse(line.slice(space + 1)) as Row };
  } catch {
    return undefined;
  }
}
