// Reads the replies of a next hop as their bytes arrive, within fixed bounds.
// Tolerant of what next hops do (bare LF, a code alone), strict where a mistake would put us out of step.

import { printable, type Reply } from './reply.ts';
import { type EnhancedStatus, isEnhancedStatus } from './status.ts';

const MAX_LINE = 4096;
const MAX_REPLY = 64 * 1024;
const MAX_LINES = 1000;
const LF = 10;

/**
 * Give it bytes, get the replies that they complete. After a fault the dialogue is out of step:
 * close the connection; the parser hears nothing more.
 */
export class ReplyParser {
  #line = '';
  #octets = 0;
  #code = 0;
  #status: EnhancedStatus | undefined;
  #lines: string[] = [];
  #faulty = false;

  receive(bytes: Uint8Array): (Reply | { readonly fault: string })[] {
    const results: (Reply | { readonly fault: string })[] = [];
    let from = 0;
    while (from < bytes.length && !this.#faulty) {
      const feed = bytes.indexOf(LF, from);
      const to = feed === -1 ? bytes.length : feed;
      this.#octets += to - from;
      if (this.#octets > MAX_REPLY) {
        results.push(this.#fail('reply longer than 64 KiB'));
        break;
      }
      // Of an overlong line the beginning is kept: it has the code, and text for the log.
      const kept = Math.min(to, from + MAX_LINE - this.#line.length);
      this.#line += String.fromCharCode.apply(null, bytes.subarray(from, kept) as unknown as number[]);
      from = to + 1;
      if (feed === -1) break;
      const line = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line;
      this.#line = '';
      const result = this.#take(line);
      if (result !== undefined) results.push(result);
    }
    return results;
  }

  /** Takes one whole line; gives the reply when it was its last. */
  #take(line: string): Reply | { readonly fault: string } | undefined {
    const code = codeOf(line);
    if (code === 0) return this.#fail(`not a reply: ${printable(line.slice(0, 100))}`);
    if (this.#lines.length === 0) this.#code = code;
    // RFC 5321 §4.2.1: every line of a reply has the same code.
    else if (code !== this.#code) return this.#fail(`reply changes its code from ${this.#code} to ${code}`);
    if (this.#lines.length === MAX_LINES) return this.#fail('reply of more than 1000 lines');

    this.#addText(printable(line.slice(4)));
    if (line[3] === '-') return undefined;
    const lines = this.#lines;
    const status = this.#status;
    this.#lines = [];
    this.#status = undefined;
    this.#octets = 0;
    return status === undefined ? { code, lines } : { code, status, lines };
  }

  /** Splits the enhanced status off the text (RFC 2034 §4); the first line's is the reply's. */
  #addText(text: string): void {
    const space = text.indexOf(' ');
    const word = space === -1 ? text : text.slice(0, space);
    if (Number(word[0]) === Math.trunc(this.#code / 100) && isEnhancedStatus(word)) {
      if (this.#lines.length === 0) this.#status = word;
      if (word === this.#status) {
        this.#lines.push(space === -1 ? '' : text.slice(space + 1));
        return;
      }
    }
    this.#lines.push(text);
  }

  #fail(fault: string): { readonly fault: string } {
    this.#faulty = true;
    return { fault };
  }
}

/** Octets of a reply that are kept where many are: more than a log or a notice has use for. */
const MAX_KEPT = 2000;

/** The reply with as many of its lines as that, the first one in any case. */
export function withoutBulk(said: Reply): Reply {
  let kept = 0;
  let octets = 0;
  for (const line of said.lines) {
    octets += line.length;
    if (kept > 0 && octets > MAX_KEPT) return { ...said, lines: said.lines.slice(0, kept) };
    kept += 1;
  }
  return said;
}

/** The code a line begins with, or 0 when it does not begin like a reply. */
function codeOf(line: string): number {
  const separator = line[3];
  if (separator !== undefined && separator !== ' ' && separator !== '-') return 0;
  // RFC 5321 §4.2: %x32-35 %x30-35 %x30-39, of which the middle digit is not worth a lost message.
  const head = line.slice(0, 3);
  return /^[2-5]\d\d$/.test(head) ? Number(head) : 0;
}
