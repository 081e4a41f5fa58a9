// Cuts what a client sends into command lines, within fixed memory, and hands out the raw rest when a body begins.
// Only CRLF ends a line (RFC 5321 §2.3.8); what the lines mean is not known here.

const CR = 13;
const LF = 10;
const NOTHING = new Uint8Array(0);

export type LineResult =
  | { readonly line: string }
  | { readonly fault: 'too-long' | 'bare-lf' | 'bare-cr' | 'nul' | 'not-utf8' };

const TOO_LONG: LineResult = Object.freeze({ fault: 'too-long' });
const BARE_LF: LineResult = Object.freeze({ fault: 'bare-lf' });
const BARE_CR: LineResult = Object.freeze({ fault: 'bare-cr' });
const NUL: LineResult = Object.freeze({ fault: 'nul' });
const NOT_UTF8: LineResult = Object.freeze({ fault: 'not-utf8' });

// A byte order mark is no part of any command; it must not vanish unseen.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Bytes given to `push` are kept, not copied, while one chunk is enough: do not write to them afterwards.
 * Each `next` takes one line out; a line, faulty or not, is everything up to and including an LF.
 */
export class LineSplitter {
  /** Octets of the line that `next` gave last, its line end included. */
  length = 0;
  readonly #maxLine: number;
  #bytes: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;
  /** Where the search for the next LF goes on: nothing is looked at twice. */
  #searched = 0;
  /** `#bytes` is our own, and has room behind `#end`. */
  #owned = false;
  /** The beginning of an overlong line has been dropped; of that, whether its last octet was a CR. */
  #dropping = false;
  #droppedCr = false;

  /** `maxLine` counts the CRLF (RFC 5321 §4.5.3.1.4). */
  constructor({ maxLine }: { readonly maxLine: number }) {
    this.#maxLine = maxLine;
  }

  /** Buffered octets. Bounded by `maxLine` whenever `next` has answered undefined, else by what was pushed. */
  get size(): number {
    return this.#end - this.#start;
  }

  /** Whether a line has begun and not ended, be it one that is too long and dropped. */
  get midLine(): boolean {
    return this.#dropping || this.#end > this.#start;
  }

  push(bytes: Uint8Array): void {
    if (this.#start === this.#end) {
      this.#bytes = bytes;
      this.#start = 0;
      this.#searched = 0;
      this.#end = bytes.length;
      this.#owned = false;
      return;
    }
    const size = this.size;
    const needed = size + bytes.length;
    if (!this.#owned || this.#end + bytes.length > this.#bytes.length) {
      // Twice what is needed, so that many small chunks are not each copied many times.
      const roomy =
        this.#owned && needed * 2 <= this.#bytes.length ? this.#bytes : new Uint8Array(needed * 2);
      roomy.set(this.#bytes.subarray(this.#start, this.#end));
      this.#bytes = roomy;
      this.#searched -= this.#start;
      this.#start = 0;
      this.#end = size;
      this.#owned = true;
    }
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** The next line without its CRLF, or what is wrong with it; undefined while there is no whole one. */
  next(): LineResult | undefined {
    const bytes = this.#bytes;
    const start = this.#start;
    const found = this.#findLf();
    if (found === -1) {
      this.#searched = this.#end;
      if (this.#dropping || this.#end - start > this.#maxLine) this.#drop();
      return undefined;
    }
    this.#start = found + 1;
    this.length = found + 1 - start;
    this.#searched = this.#start;
    const hasCr = found > start ? bytes[found - 1] === CR : this.#dropping && this.#droppedCr;
    const dropped = this.#dropping;
    this.#dropping = false;
    if (!hasCr) return BARE_LF;
    if (dropped || found + 1 - start > this.#maxLine) return TOO_LONG;
    return decodeLine(bytes, start, found - 1);
  }

  /** Takes out all that is buffered, raw: what follows the command line is not lines any more. */
  rest(): Uint8Array {
    const rest = this.#bytes.subarray(this.#start, this.#end);
    this.clear();
    return rest;
  }

  /** Forgets everything, as STARTTLS demands (RFC 3207 §4.2). */
  clear(): void {
    this.#bytes = NOTHING;
    this.#start = 0;
    this.#end = 0;
    this.#searched = 0;
    this.#owned = false;
    this.#dropping = false;
  }

  #findLf(): number {
    if (!this.#owned) return this.#bytes.indexOf(LF, this.#searched);
    // Behind #end there may be anything.
    const found = this.#bytes.subarray(this.#searched, this.#end).indexOf(LF);
    return found === -1 ? -1 : this.#searched + found;
  }

  #drop(): void {
    if (this.#end > this.#start) this.#droppedCr = this.#bytes[this.#end - 1] === CR;
    this.#dropping = true;
    this.#start = this.#end;
  }
}

// Up to here building the string ourselves is quicker than a call of the decoder.
const SHORT = 48;

function decodeLine(bytes: Uint8Array, start: number, end: number): LineResult {
  const short = end - start <= SHORT;
  const codes = new Array<number>(short ? end - start : 0);
  let high = 0;
  for (let index = start; index < end; index++) {
    const octet = bytes[index] as number;
    if (octet === 0) return NUL;
    if (octet === CR) return BARE_CR;
    high |= octet;
    if (short) codes[index - start] = octet;
  }
  if (short && high < 0x80) return { line: String.fromCharCode(...codes) };
  try {
    return { line: utf8.decode(bytes.subarray(start, end)) };
  } catch {
    return NOT_UTF8;
  }
}
