// The header section of a BINARYMIME message: text, whatever BODY says of what follows it (RFC 3030 §3). Its line ends
// are looked at as those of any message; the octets behind its empty line are nobody's business.

import { type LineEndFindings, LineEndScanner } from './line-ends.ts';

const CR = 13;
const LF = 10;
/** Octets of the CRLF CRLF that ends the section. */
const END = 4;

export class BinaryHeaderScanner {
  readonly #lines = new LineEndScanner();
  /** How many octets of that end have just come; a message that begins with CRLF has no header section. */
  #matched = 2;

  get found(): LineEndFindings {
    return this.#lines.found;
  }

  receive(bytes: Uint8Array): void {
    if (this.#matched === END) return;
    let at = 0;
    while (at < bytes.length && this.#matched < END) {
      const octet = bytes[at++];
      if (octet === (this.#matched % 2 === 0 ? CR : LF)) this.#matched += 1;
      else this.#matched = octet === CR ? 1 : 0;
    }
    this.#lines.receive(bytes.subarray(0, at));
  }

  /** No more octets: what has come of a section without an end is all of it. */
  finish(): void {
    if (this.#matched < END) this.#lines.finish();
  }
}
