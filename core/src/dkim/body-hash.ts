// The hash of a body (RFC 6376 §3.4.3, §3.4.4, §3.7), computed while the octets come by, however they are cut.

import { createHash, type Hash } from 'node:crypto';

export type Canonicalization = 'simple' | 'relaxed';

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
/** Octets of output gathered before they are hashed; empty lines that were held back count two. */
const BLOCK = 16_384;
const LINE_END = Uint8Array.of(CR, LF);

export class BodyHash {
  readonly #relaxed: boolean;
  readonly #limit: number;
  readonly #hash: Hash = createHash('sha256');
  #out: Uint8Array | undefined;
  #filled = 0;
  #length = 0;
  /** Line ends that count only when something follows them. */
  #lineEnds = 0;
  #afterCr = false;
  /** White space that counts only when something follows it in its line. Relaxed only. */
  #afterSpace = false;
  #isEmpty = true;

  /** @param limit octets of the canonical body that are hashed: `l=` (RFC 6376 §3.5) */
  constructor(canonicalization: Canonicalization, limit: number = Number.POSITIVE_INFINITY) {
    this.#relaxed = canonicalization === 'relaxed';
    this.#limit = limit;
  }

  update(bytes: Uint8Array): void {
    const { length } = bytes;
    let index = this.#holdsBack ? 0 : this.#asItStands(bytes);
    while (index < length) {
      if (!this.#holdsBack) {
        index = this.#plain(bytes, index);
        if (index === length) return;
      }
      this.#step(bytes[index++] as number);
    }
  }

  /** The hash in base64: `bh=`. No octets may follow. */
  digest(): string {
    if (this.#afterCr) this.#put(CR);
    // §3.4.4: a relaxed body that is empty stays empty; anything else ends in one CRLF.
    this.#flush();
    if (!this.#isEmpty || !this.#relaxed) this.#take(LINE_END);
    return this.#hash.digest('base64');
  }

  get #holdsBack(): boolean {
    return this.#lineEnds > 0 || this.#afterSpace || this.#afterCr;
  }

  /** Hashes the octets that are canonical already, which most bodies are but for their end; gives how many. */
  #asItStands(bytes: Uint8Array): number {
    let end = this.#relaxed ? firstChange(bytes) : bytes.length;
    for (; end > 0; end--) {
      const last = bytes[end - 1] as number;
      if (last !== LF && last !== CR && last !== SPACE && last !== TAB) break;
    }
    if (end === 0) return 0;
    this.#isEmpty = false;
    this.#flush();
    this.#take(bytes.subarray(0, end));
    return end;
  }

  /** Copies what stands for itself, and line ends and blanks between such octets; gives where it had to stop. */
  #plain(bytes: Uint8Array, from: number): number {
    this.#out ??= new Uint8Array(BLOCK + 8);
    const out = this.#out;
    const relaxed = this.#relaxed;
    const { length } = bytes;
    let filled = this.#filled;
    let index = from;
    while (index < length && filled < BLOCK) {
      const byte = bytes[index] as number;
      if (byte > SPACE || (byte !== CR && !(relaxed && (byte === SPACE || byte === TAB)))) {
        out[filled++] = byte;
        index += 1;
        continue;
      }
      if (byte === CR) {
        // A line end inside the body, with something behind it in this chunk that is kept whatever follows.
        const next = bytes[index + 2] ?? CR;
        if (bytes[index + 1] !== LF || next === CR || (relaxed && (next === SPACE || next === TAB))) break;
        out[filled++] = CR;
        out[filled++] = LF;
        index += 2;
        continue;
      }
      const next = bytes[index + 1] ?? CR;
      if (next === CR || next === SPACE || next === TAB) break;
      out[filled++] = SPACE;
      index += 1;
    }
    if (filled > this.#filled) this.#isEmpty = false;
    this.#filled = filled;
    if (filled >= BLOCK) this.#flush();
    return index;
  }

  #step(byte: number): void {
    if (this.#afterCr) {
      this.#afterCr = false;
      if (byte === LF) {
        this.#afterSpace = false;
        this.#lineEnds += 1;
        return;
      }
      // A bare CR ends no line.
      this.#put(CR);
    }
    if (byte === CR) this.#afterCr = true;
    else if (this.#relaxed && (byte === SPACE || byte === TAB)) this.#afterSpace = true;
    else this.#put(byte);
  }

  #put(byte: number): void {
    this.#isEmpty = false;
    for (; this.#lineEnds > 0; this.#lineEnds--) this.#append(CR, LF);
    if (this.#afterSpace) {
      this.#afterSpace = false;
      this.#append(SPACE);
    }
    this.#append(byte);
  }

  #append(first: number, second?: number): void {
    if (this.#filled >= BLOCK) this.#flush();
    this.#out ??= new Uint8Array(BLOCK + 8);
    this.#out[this.#filled++] = first;
    if (second !== undefined) this.#out[this.#filled++] = second;
  }

  #flush(): void {
    if (this.#filled > 0) this.#take((this.#out as Uint8Array).subarray(0, this.#filled));
    this.#filled = 0;
  }

  #take(octets: Uint8Array): void {
    const room = Math.max(0, Math.min(octets.length, this.#limit - this.#length));
    if (room > 0) this.#hash.update(octets.subarray(0, room));
    this.#length += octets.length;
  }
}

/** Where the relaxed form first differs, seen line by line: at a tab, or a blank before another one or before a CR. */
function firstChange(bytes: Uint8Array): number {
  const { length } = bytes;
  let blank = false;
  for (let index = 0; index < length; index++) {
    const byte = bytes[index] as number;
    if (byte > SPACE) blank = false;
    else if (byte === TAB) return index;
    else if (byte === SPACE) {
      if (blank) return index;
      blank = true;
    } else if (byte === CR && blank) return index - 1;
    else blank = false;
  }
  return length;
}
