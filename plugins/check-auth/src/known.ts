// What was worked out from a text, known by the text: records of DNS are read once and not for each message. How long a
// record is good is the resolver's to know; the same text always means the same. Bounded.

/** Texts at a time; the one that came first goes first. Longer texts are worked out each time. */
const ROOM = 2000;
const LONGEST = 4096;

export class Known<T> {
  readonly #read: (text: string) => T;
  readonly #known = new Map<string, T>();

  constructor(read: (text: string) => T) {
    this.#read = read;
  }

  get(text: string): T {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const value = this.#read(text);
    if (text.length > LONGEST) return value;
    this.#known.set(text, value);
    if (this.#known.size > ROOM) this.#known.delete(this.#known.keys().next().value as string);
    return value;
  }
}
