// What clients have sent and what arrived: every message is known by an id, and compared with what was sent, octet for octet.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from './random.ts';

const LINE = 76;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const ID_FIELD = 'X-Ledger-Id: ';

export interface SentMessage {
  readonly id: string;
  /** What was sent between DATA and the final dot; no line begins with a dot. */
  readonly content: Buffer;
}

export interface Findings {
  /** Messages with a 250 that are not there. */
  readonly lost: readonly string[];
  /** Messages, with a 250 or without, that are there and not as they were sent. */
  readonly damaged: readonly string[];
  /** Copies beyond the first of a message. */
  readonly duplicates: number;
  /** Messages that are there, copies not counted. */
  readonly arrived: number;
  /** Messages that are there although nobody had said 250. */
  readonly unpromised: number;
  /** The files of each message that is there. */
  readonly copies: ReadonlyMap<string, readonly string[]>;
}

interface Entry {
  readonly from: number;
  readonly size: number;
  promised: boolean;
}

export class Ledger {
  /** Octets from which all bodies are cut, so that a ledger of gigabytes needs no gigabytes. */
  readonly #octets: Buffer;
  readonly #entries = new Map<string, Entry>();
  readonly #random: Random;
  promised = 0;

  /** @param largest octets of the largest message */
  constructor(random: Random, largest: number) {
    this.#random = random;
    this.#octets = lines(random, largest + 64 * LINE);
  }

  get sent(): number {
    return this.#entries.size;
  }

  /** A message of about that size that nobody has sent before. */
  next(size: number): SentMessage {
    const id = `m${this.#entries.size + 1}`;
    const entry = {
      from: LINE * this.#random.between(0, 63),
      size: Math.max(1, Math.round(size / LINE)) * LINE,
      promised: false,
    };
    this.#entries.set(id, entry);
    return { id, content: this.#contentOf(id, entry) };
  }

  /** The server has said 250. */
  promise(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.promised) throw new Error(`the ledger has no open message ${id}`);
    entry.promised = true;
    this.promised += 1;
  }

  /** Compares with everything in `new/` of the Maildirs in a folder. */
  compare(maildirs: string): Findings {
    const copies = new Map<string, string[]>();
    const damaged: string[] = [];
    for (const file of messagesIn(maildirs)) {
      const found = readFileSync(file);
      const at = found.indexOf(ID_FIELD);
      const id = found.subarray(at + ID_FIELD.length, found.indexOf('\r\n', at)).toString();
      const entry = at === -1 ? undefined : this.#entries.get(id);
      if (entry === undefined || !found.subarray(at).equals(this.#contentOf(id, entry))) damaged.push(file);
      else copies.set(id, [...(copies.get(id) ?? []), file]);
    }
    let duplicates = 0;
    for (const files of copies.values()) duplicates += files.length - 1;
    const lost: string[] = [];
    let unpromised = 0;
    for (const [id, { promised }] of this.#entries) {
      if (promised && !copies.has(id)) lost.push(id);
      if (!promised && copies.has(id)) unpromised += 1;
    }
    return { lost, damaged, duplicates, arrived: copies.size, unpromised, copies };
  }

  #contentOf(id: string, { from, size }: Entry): Buffer {
    return Buffer.concat([
      Buffer.from(`${ID_FIELD}${id}\r\nSubject: ${size} octets\r\n\r\n`),
      this.#octets.subarray(from, from + size),
    ]);
  }
}

/** The files in `new/` of every Maildir that is a subfolder of the folder. */
export function messagesIn(maildirs: string): readonly string[] {
  return namesIn(maildirs).flatMap((maildir) => {
    const folder = join(maildirs, maildir, 'new');
    return namesIn(folder).map((name) => join(folder, name));
  });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Nothing has been delivered there.
    return [];
  }
}

function lines(random: Random, octets: number): Buffer {
  const count = Math.ceil(octets / LINE);
  const all = Buffer.alloc(count * LINE);
  for (let line = 0; line < count; line += 1) {
    const at = line * LINE;
    for (let column = 0; column < LINE - 2; column += 1) {
      all[at + column] = ALPHABET.charCodeAt(Math.floor(random.next() * 64));
    }
    all[at + LINE - 2] = 0x0d;
    all[at + LINE - 1] = 0x0a;
  }
  return all;
}
