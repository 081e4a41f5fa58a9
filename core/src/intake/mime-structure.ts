// Counts the parts of a message and how deep they lie in each other (RFC 2046 §5), while the octets go by and within
// fixed memory. Reads boundary lines and the Content-Type of each part, nothing else: it bounds, it does not judge.

const NOTHING = Buffer.alloc(0);
const CRLF = Buffer.from('\r\n');
const BEFORE_DELIMITER = Buffer.from('\r\n--');

/** RFC 2046 §5.1.1 allows 70 octets; with the hyphens and white space behind them more is no boundary line. */
const LONGEST_DELIMITER = 256;
/** What is looked at of one line in the header section of a part; a longer one has its end unread. */
const LONGEST_LINE = 4096;

interface Multipart {
  readonly delimiter: string;
  readonly depth: number;
  /** Where the same delimiter stands further outside: readers take the innermost. */
  readonly outer: number | undefined;
}

export class MimeStructure {
  /** Parts so far, those inside parts included. */
  parts = 0;
  /** Of the deepest part: 0 is the message itself. */
  deepest = 0;
  /** The multiparts that the reading is in, the innermost last, and where each delimiter stands among them. */
  readonly #open: Multipart[] = [];
  readonly #places = new Map<string, number>();
  #depth = 0;
  /** The header section of a part is being read; otherwise its body. */
  #inHeader = false;
  /** Of that header section: the Content-Type as far as it has been read. */
  #contentType = '';
  #field: 'content-type' | 'other' = 'other';
  /** The octets that could not be read to their end. In a body they begin with the CRLF before a line. */
  #kept: Buffer = CRLF;
  #skipping = false;

  private constructor() {}

  /** Undefined where the message has but one part: nothing has to be counted then. @param contentType unfolded */
  static of(contentType: string): MimeStructure | undefined {
    const structure = new MimeStructure();
    structure.#enter(contentType);
    if (structure.#inHeader) structure.#kept = NOTHING;
    return structure.#open.length === 0 && !structure.#inHeader ? undefined : structure;
  }

  /** The next octets of the body, dot-stuffing removed. */
  receive(bytes: Uint8Array): void {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const all = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk]);
    let at = 0;
    for (;;) {
      const next = this.#inHeader ? this.#headerLine(all, at) : this.#bodyLine(all, at);
      if (next === -1) return;
      at = next;
    }
  }

  /** Goes to the next line that may be a delimiter. Gives where to read on, or -1 when the octets are used up. */
  #bodyLine(all: Buffer, from: number): number {
    const at = beginsDelimiter(all, from) ? from : all.indexOf(BEFORE_DELIMITER, from);
    if (at === -1) return this.#keep(all, all.length - begunDelimiter(all, from));
    const start = at + 2;
    const end = lineEnd(all, start, start + LONGEST_DELIMITER);
    if (end === -1) return all.length - start <= LONGEST_DELIMITER ? this.#keep(all, at) : start;
    // A header section begins behind the CRLF, a body with it: the next line may be a delimiter too.
    return this.#delimits(all, start, end) && this.#inHeader ? end + 2 : end;
  }

  /** Reads a line of a part's header section. */
  #headerLine(all: Buffer, start: number): number {
    const end = all.indexOf(CRLF, start);
    if (end === -1) {
      if (all.length - start <= LONGEST_LINE) return this.#keep(all, start);
      this.#headerField(all.toString('latin1', start, start + LONGEST_LINE));
      this.#skipping = true;
      return this.#keep(all, all.length - 1);
    }
    if (this.#skipping) this.#skipping = false;
    else if (end === start) this.#headerEnd();
    else if (!this.#delimits(all, start, Math.min(end, start + LONGEST_DELIMITER)))
      this.#headerField(all.toString('latin1', start, Math.min(end, start + LONGEST_LINE)));
    return this.#inHeader ? end + 2 : end;
  }

  #headerField(line: string): void {
    if (this.#skipping) return;
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (this.#field === 'content-type' && this.#contentType.length < LONGEST_LINE)
        this.#contentType += line;
      return;
    }
    this.#field = /^content-type[ \t]*:/i.test(line) ? 'content-type' : 'other';
    if (this.#field === 'content-type') this.#contentType = line.slice(line.indexOf(':') + 1);
  }

  #headerEnd(): void {
    this.#inHeader = false;
    this.#enter(this.#contentType);
  }

  /** Steps into what a Content-Type announces. */
  #enter(contentType: string): void {
    if (/^\s*multipart\//i.test(contentType)) {
      const boundary = boundaryOf(contentType);
      if (boundary === undefined) return;
      this.#deepen();
      const delimiter = `--${boundary}`;
      this.#open.push({ delimiter, depth: this.#depth, outer: this.#places.get(delimiter) });
      this.#places.set(delimiter, this.#open.length - 1);
    } else if (/^\s*message\/(?:rfc822|global|news)\b/i.test(contentType)) {
      this.#deepen();
      this.parts += 1;
      this.#beginHeader();
    }
  }

  /** Whether the line is a delimiter of a multipart that is open, however far outside; then its part begins or it ends. */
  #delimits(all: Buffer, start: number, end: number): boolean {
    if (all[start] !== HYPHEN || all[start + 1] !== HYPHEN || this.#open.length === 0) return false;
    const line = all.toString('latin1', start, end).trimEnd();
    const place = this.#places.get(line);
    if (place !== undefined) {
      this.#leave(place + 1);
      this.#depth = (this.#open[place] as Multipart).depth;
      this.parts += 1;
      this.#beginHeader();
      return true;
    }
    const last = line.endsWith('--') ? this.#places.get(line.slice(0, -2)) : undefined;
    if (last === undefined) return false;
    this.#depth = (this.#open[last] as Multipart).depth - 1;
    this.#leave(last);
    this.#inHeader = false;
    return true;
  }

  #leave(place: number): void {
    for (const { delimiter, outer } of this.#open.splice(place).reverse()) {
      if (outer === undefined) this.#places.delete(delimiter);
      else this.#places.set(delimiter, outer);
    }
  }

  #beginHeader(): void {
    this.#inHeader = true;
    this.#skipping = false;
    this.#contentType = '';
    this.#field = 'other';
  }

  #deepen(): void {
    this.#depth += 1;
    if (this.#depth > this.deepest) this.deepest = this.#depth;
  }

  #keep(all: Buffer, from: number): -1 {
    // A copy: the octets belong to whoever brought them.
    this.#kept = from === all.length ? NOTHING : Buffer.from(all.subarray(from));
    return -1;
  }
}

const HYPHEN = 45;
const CR = 13;
const LF = 10;

function beginsDelimiter(all: Buffer, at: number): boolean {
  return all[at] === CR && all[at + 1] === LF && all[at + 2] === HYPHEN && all[at + 3] === HYPHEN;
}

/** The CRLF of a line that is short, or -1: quicker octet by octet than by a call into the engine. */
function lineEnd(all: Buffer, start: number, before: number): number {
  const end = Math.min(before, all.length - 1);
  for (let at = start + 2; at < end; at++) if (all[at] === CR && all[at + 1] === LF) return at;
  return -1;
}

/** How many octets at the end may be the beginning of a line break and a delimiter. */
function begunDelimiter(all: Buffer, from: number): number {
  const last = all.length - 1;
  if (last >= from && all[last] === CR) return 1;
  if (last - 1 >= from && all[last] === LF && all[last - 1] === CR) return 2;
  if (last - 2 >= from && all[last] === HYPHEN && all[last - 1] === LF && all[last - 2] === CR) return 3;
  return 0;
}

/** RFC 2045 §5.1. What the first `boundary` says; without one there is no multipart to go into. */
function boundaryOf(contentType: string): string | undefined {
  const name = /;\s*boundary\s*=\s*/i.exec(contentType);
  if (name === null) return undefined;
  const value = contentType.slice(name.index + name[0].length);
  const quoted = /^"((?:[^"\\]|\\.)*)"/.exec(value)?.[1]?.replace(/\\(.)/g, '$1');
  const boundary = (quoted ?? /^[^\s;"]+/.exec(value)?.[0] ?? '').trimEnd();
  return boundary === '' || boundary.length > LONGEST_DELIMITER - 4 ? undefined : boundary;
}
