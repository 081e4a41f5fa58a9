// The body of DATA: dots taken off as it comes in and put on as it goes out (RFC 5321 §4.5.2).
// The end of data is CRLF.CRLF and nothing else; what else a body has that it should not is noted, not repaired.

/** What a decoder has met so far. */
export interface BodyFindings {
  readonly bareLf: boolean;
  readonly bareCr: boolean;
  readonly nul: boolean;
  readonly eightBit: boolean;
  /** Octets of the longest line with its CRLF, a stuffed dot not counted (RFC 5321 §4.5.3.1.6). */
  readonly longestLine: number;
}

const CR = 13;
const LF = 10;
const DOT = 46;

// Where the reading stands. The held states keep back octets that may yet be the end of data.
const TEXT = 0;
const AFTER_CR = 1;
const LINE_START = 2;
const HELD_DOT = 3;
const HELD_DOT_CR = 4;

// Four octets in one step: a word has the octet we look for (below 14, which takes in CR, LF and NUL) exactly
// when one of its high bits is missing from word | ((word | HIGH) - FLOOR).
const HIGH = 0x80808080 | 0;
const FLOOR = 0x0e0e0e0e;

const NOTHING = new Uint8Array(0);

/** The first place from `at` on, or shortly before it, where an octet below 14 stands; the length where none does. */
export function endOfText(view: DataView, at: number): number {
  const lastWord = view.byteLength - 4;
  let place = at;
  while (place <= lastWord) {
    const word = view.getInt32(place);
    if (((word | ((word | HIGH) - FLOOR)) & HIGH) !== HIGH) break;
    place += 4;
  }
  return place;
}

/** Decodes one message. Give it the bytes after the 354's command line, until `end` is not -1. */
export class DotDecoder {
  readonly #found = { bareLf: false, bareCr: false, nul: false, eightBit: false, longestLine: 0 };
  // The line after the DATA command begins at a line start, so `.CRLF` alone ends an empty body.
  #state = LINE_START;
  /** Octets of the unfinished line in the chunks before. */
  #lineBefore = 0;
  #ended = false;

  get found(): BodyFindings {
    return this.#found;
  }

  /**
   * `body` is what is certainly body: a view of `bytes` when nothing had to be taken out, a copy otherwise.
   * `end` is the index in `bytes` just after the end of data, or -1; what stands behind it is not looked at.
   */
  receive(bytes: Uint8Array): { readonly body: Uint8Array; readonly end: number } {
    if (this.#ended) return { body: NOTHING, end: 0 };
    const found = this.#found;
    const length = bytes.length;
    const lastWord = length - 4;
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    const body = new Pieces(bytes);
    let state = this.#state;
    let lineStart = -this.#lineBefore;
    let high = 0;
    // Where the octets begin that are body and not yet given to `body`.
    let from = 0;
    let at = 0;
    while (at < length) {
      if (state === TEXT) {
        while (at <= lastWord) {
          const word = view.getInt32(at);
          if (((word | ((word | HIGH) - FLOOR)) & HIGH) !== HIGH) break;
          high |= word;
          at += 4;
        }
        if (at >= length) break;
      }
      const octet = bytes[at] as number;
      if (state === TEXT) {
        at++;
        if (octet > CR) high |= octet;
        else if (octet === CR) state = AFTER_CR;
        else if (octet === LF) found.bareLf = true;
        else if (octet === 0) found.nul = true;
      } else if (state === AFTER_CR) {
        if (octet === LF) {
          at++;
          if (at - lineStart > found.longestLine) found.longestLine = at - lineStart;
          lineStart = at;
          state = LINE_START;
        } else {
          found.bareCr = true;
          state = TEXT;
        }
      } else if (state === LINE_START) {
        if (octet === DOT) {
          body.add(from, at);
          at++;
          from = at;
          lineStart = at;
          state = HELD_DOT;
        } else state = TEXT;
      } else if (octet === CR && state === HELD_DOT) {
        at++;
        state = HELD_DOT_CR;
      } else if (octet === LF && state === HELD_DOT_CR) {
        this.#ended = true;
        if ((high & HIGH) !== 0) found.eightBit = true;
        return { body: body.whole(), end: at + 1 };
      } else {
        // The line has more than its dot: the dot goes, a CR that was held is body after all.
        if (state === HELD_DOT_CR) {
          found.bareCr = true;
          if (at === 0) body.addHeldCr();
        }
        state = TEXT;
      }
    }
    if (state !== HELD_DOT_CR) body.add(from, length);
    if ((high & HIGH) !== 0) found.eightBit = true;
    this.#state = state;
    this.#lineBefore = length - lineStart;
    return { body: body.whole(), end: -1 };
  }
}

/** Puts ranges of one chunk together again: a view while there is one range, a copy from the second on. */
class Pieces {
  readonly #bytes: Uint8Array;
  #first = 0;
  #last = 0;
  #copy: Uint8Array | undefined;
  #filled = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  add(from: number, to: number): void {
    if (from === to) return;
    if (this.#copy !== undefined) this.#append(this.#copy, from, to);
    else if (this.#first === this.#last) {
      this.#first = from;
      this.#last = to;
    } else {
      const copy = new Uint8Array(this.#bytes.length);
      this.#copy = copy;
      this.#append(copy, this.#first, this.#last);
      this.#append(copy, from, to);
    }
  }

  /** A CR of the chunk before goes first; this one has one octet of room too few for it. */
  addHeldCr(): void {
    this.#copy = new Uint8Array(this.#bytes.length + 1);
    this.#copy[0] = CR;
    this.#filled = 1;
  }

  whole(): Uint8Array {
    if (this.#copy !== undefined) return this.#copy.subarray(0, this.#filled);
    if (this.#last - this.#first === this.#bytes.length) return this.#bytes;
    return this.#bytes.subarray(this.#first, this.#last);
  }

  #append(copy: Uint8Array, from: number, to: number): void {
    copyRange(this.#bytes, from, to, copy, this.#filled);
    this.#filled += to - from;
  }
}

/** Short lines are the rule, and for them a call into the engine's copy costs more than the copying. */
function copyRange(source: Uint8Array, from: number, to: number, target: Uint8Array, at: number): void {
  if (to - from > 64) target.set(source.subarray(from, to), at);
  else for (let index = from; index < to; index++) target[at + index - from] = source[index] as number;
}

/**
 * Encodes one message for a next hop. Look at `unsafe` after every call and before anything is sent:
 * once it is true the body cannot go by DATA, and the connection must be dropped rather than the message ended.
 */
export class DotEncoder {
  #state = LINE_START;
  #empty = true;
  #unsafe = false;

  /**
   * The body has a bare CR or LF, which must never be transmitted (RFC 5321 §2.3.8): next hops
   * that take one for a line end could be made to see an end of data inside the message. So could those that
   * leave out a NUL.
   */
  get unsafe(): boolean {
    return this.#unsafe;
  }

  /** What came until now is whole lines. */
  get endsLine(): boolean {
    return this.#empty || this.#state === LINE_START;
  }

  /** The input itself when no line in it begins with a dot. */
  encode(bytes: Uint8Array): Uint8Array {
    const length = bytes.length;
    if (length === 0) return bytes;
    const lastWord = length - 4;
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    const dots: number[] = [];
    let state = this.#state;
    let at = 0;
    while (at < length) {
      if (state === TEXT) {
        while (at <= lastWord) {
          const word = view.getInt32(at);
          if (((word | ((word | HIGH) - FLOOR)) & HIGH) !== HIGH) break;
          at += 4;
        }
        if (at >= length) break;
      }
      const octet = bytes[at] as number;
      if (state === AFTER_CR && octet !== LF) this.#unsafe = true;
      if (octet === 0) this.#unsafe = true;
      if (octet === CR) state = AFTER_CR;
      else if (octet === LF) {
        if (state === AFTER_CR) state = LINE_START;
        else {
          this.#unsafe = true;
          state = TEXT;
        }
      } else {
        if (octet === DOT && state === LINE_START) dots.push(at);
        state = TEXT;
      }
      at++;
    }
    this.#state = state;
    this.#empty = false;
    return dots.length === 0 ? bytes : stuff(bytes, dots);
  }

  /** The end of data, after a CRLF of its own when the body did not end in one. */
  finish(): Uint8Array {
    if (this.#state === AFTER_CR) this.#unsafe = true;
    return Uint8Array.of(...(this.endsLine ? [] : [CR, LF]), DOT, CR, LF);
  }
}

/** The bytes with one more dot before each of those at the given places. */
function stuff(bytes: Uint8Array, dots: readonly number[]): Uint8Array {
  const stuffed = new Uint8Array(bytes.length + dots.length);
  let from = 0;
  let filled = 0;
  for (const dot of dots) {
    copyRange(bytes, from, dot, stuffed, filled);
    filled += dot - from;
    stuffed[filled++] = DOT;
    from = dot;
  }
  copyRange(bytes, from, bytes.length, stuffed, filled);
  return stuffed;
}
