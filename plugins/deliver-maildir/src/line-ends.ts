// CRLF to LF over the chunks of a message, wherever they are cut. A CR without an LF behind it stays.

const CR = 0x0d;
const LF = 0x0a;

export class LineEndShortener {
  #heldCr = false;

  /** The octets that are certain so far, as views of `chunk` where nothing had to be held back. */
  convert(chunk: Uint8Array): Uint8Array[] {
    if (chunk.length === 0) return [];
    const pieces: Uint8Array[] = [];
    if (this.#heldCr && chunk[0] !== LF) pieces.push(Uint8Array.of(CR));
    this.#heldCr = chunk[chunk.length - 1] === CR;
    const end = this.#heldCr ? chunk.length - 1 : chunk.length;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, end);
    let from = 0;
    for (let at = bytes.indexOf('\r\n'); at !== -1; at = bytes.indexOf('\r\n', from)) {
      if (at > from) pieces.push(bytes.subarray(from, at));
      from = at + 1;
    }
    if (from < end) pieces.push(bytes.subarray(from, end));
    return pieces;
  }

  /** What was held back at the end of the message. */
  finish(): Uint8Array[] {
    return this.#heldCr ? [Uint8Array.of(CR)] : [];
  }
}
