// What is done with bodies whose lines do not all end in CRLF: refused, or their line ends made CRLF.
// Either way no bare CR or LF goes on to a next hop (RFC 5321 §2.3.8).

import { type BodyFindings, endOfText } from './dot-stuffing.ts';
import type { Fault } from './reply.ts';

export type LineEndFindings = Omit<BodyFindings, 'eightBit'>;

export interface BodyPolicy {
  readonly bareLf: 'refuse' | 'normalise';
  readonly bareCr: 'refuse' | 'normalise';
  readonly nul: 'refuse' | 'accept';
}

/** What the policy holds against a body, once all of it has been seen. */
export function bodyFault(found: LineEndFindings, policy: BodyPolicy): Fault | undefined {
  if (found.bareLf && policy.bareLf === 'refuse') return BARE_LF;
  if (found.bareCr && policy.bareCr === 'refuse') return BARE_CR;
  if (found.nul && policy.nul === 'refuse') return NUL;
  return undefined;
}

const BARE_LF: Fault = { code: 554, status: '5.6.0', text: 'Message has a bare LF; lines must end in CRLF' };
const BARE_CR: Fault = { code: 554, status: '5.6.0', text: 'Message has a bare CR; lines must end in CRLF' };
const NUL: Fault = { code: 554, status: '5.6.0', text: 'Message has a NUL octet' };

const CR = 13;
const LF = 10;

/** Looks for what should not be in a body that comes without dot-stuffing, as chunks do. */
export class LineEndScanner {
  readonly #found = { bareLf: false, bareCr: false, nul: false, longestLine: 0 };
  #afterCr = false;
  /** Octets of the unfinished line in the chunks before. */
  #lineBefore = 0;

  get found(): LineEndFindings {
    return this.#found;
  }

  receive(bytes: Uint8Array): void {
    const found = this.#found;
    const length = bytes.length;
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    let afterCr = this.#afterCr;
    let lineStart = -this.#lineBefore;
    let at = 0;
    for (;;) {
      if (!afterCr) at = endOfText(view, at);
      if (at >= length) break;
      const octet = bytes[at++];
      if (octet === LF && afterCr) {
        if (at - lineStart > found.longestLine) found.longestLine = at - lineStart;
        lineStart = at;
      } else if (octet === LF) found.bareLf = true;
      else if (afterCr) found.bareCr = true;
      if (octet === 0) found.nul = true;
      afterCr = octet === CR;
    }
    this.#afterCr = afterCr;
    this.#lineBefore = length - lineStart;
  }

  /** No more octets: a CR at the very end has no LF, and the last line may have none either. */
  finish(): void {
    if (this.#afterCr) this.#found.bareCr = true;
    if (this.#lineBefore > this.#found.longestLine) this.#found.longestLine = this.#lineBefore;
  }
}

/** Makes every bare LF and every bare CR a CRLF. Use it behind the decoder, never before: it makes ends of lines. */
export class LineEndNormaliser {
  /** The last chunk ended in a CR, which was given out with an LF behind it. */
  #afterCr = false;
  #unfinished = 0;
  #longest = 0;

  /** Octets of the longest finished line as it is given out, its CRLF included. */
  get longestLine(): number {
    return this.#longest;
  }

  /** The input itself when all its line ends are CRLF. */
  receive(bytes: Uint8Array): Uint8Array {
    const whole = this.#normalised(bytes);
    let start = -this.#unfinished;
    for (let at = whole.indexOf(LF); at !== -1; at = whole.indexOf(LF, start)) {
      this.#longest = Math.max(this.#longest, at + 1 - start);
      start = at + 1;
    }
    this.#unfinished = whole.length - start;
    return whole;
  }

  #normalised(bytes: Uint8Array): Uint8Array {
    if (bytes.length === 0) return bytes;
    const added = this.#missing(bytes);
    const skipsLf = this.#afterCr && bytes[0] === LF;
    this.#afterCr = bytes[bytes.length - 1] === CR;
    if (added === 0 && !skipsLf) return bytes;

    const whole = new Uint8Array(bytes.length + added - (skipsLf ? 1 : 0));
    let filled = 0;
    for (let at = skipsLf ? 1 : 0; at < bytes.length; at++) {
      const octet = bytes[at] as number;
      if (octet === CR) {
        whole[filled++] = CR;
        whole[filled++] = LF;
        if (bytes[at + 1] === LF) at++;
      } else {
        if (octet === LF) whole[filled++] = CR;
        whole[filled++] = octet;
      }
    }
    return whole;
  }

  /** How many octets must be put in, an LF behind a CR at the very end among them. */
  #missing(bytes: Uint8Array): number {
    let missing = 0;
    for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) {
      if (at === 0 ? !this.#afterCr : bytes[at - 1] !== CR) missing++;
    }
    for (let at = bytes.indexOf(CR); at !== -1; at = bytes.indexOf(CR, at + 1)) {
      if (bytes[at + 1] !== LF) missing++;
    }
    return missing;
  }
}
