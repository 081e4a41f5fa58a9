// The hash of a body (RFC 6376 §3.4.3, §3.4.4, §3.7), computed while the octets come by, however they are cut.

import { createHash, type Hash } from 'node:crypto';

export type Canonicalization = 'simple' | 'relaxed';

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
/** Octets of output gathered before they are hashed; empty lines that were held back count two. */
const BLOCK = 16_384;

export class BodyHash {
  readonly #relaxed: boolean;
  readonly #hash: Hash = createHash('sha256');
  readonly #out: Uint8Array = new Uint8Array(BLOCK + 8);
  #filled = 0;
  /** Line ends that count only when something follows them. */
  #lineEnds = 0;
  #afterCr = false;
  /** White space that counts only when something follows it in its line. Relaxed only. */
  #afterSpace = false;
  #isEmpty = true;

  constructor(canonicalization: Canonicalization) {
    this.#relaxed = canonicalization === 'relaxed';
  }

  update(bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index] as number;
      if (this.#afterCr) {
        this.#afterCr = false;
        if (byte === LF) {
          this.#afterSpace = false;
          this.#lineEnds += 1;
          continue;
        }
        // A bare CR ends no line.
        this.#put(CR);
      }
      if (byte === CR) this.#afterCr = true;
      else if (this.#relaxed && (byte === SPACE || byte === TAB)) this.#afterSpace = true;
      else if (this.#lineEnds === 0 && !this.#afterSpace && this.#filled < BLOCK) {
        this.#isEmpty = false;
        this.#out[this.#filled++] = byte;
      } else this.#put(byte);
    }
  }

  /** The hash in base64: `bh=`. No octets may follow. */
  digest(): string {
    if (this.#afterCr) this.#put(CR);
    // §3.4.4: a relaxed body that is empty stays empty; anything else ends in one CRLF.
    if (!this.#isEmpty || !this.#relaxed) this.#append(CR, LF);
    this.#flush();
    return this.#hash.digest('base64');
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
    this.#out[this.#filled++] = first;
    if (second !== undefined) this.#out[this.#filled++] = second;
  }

  #flush(): void {
    this.#hash.update(this.#out.subarray(0, this.#filled));
    this.#filled = 0;
  }
}
