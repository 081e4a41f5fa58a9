// A stored message on its way out: looked through once for what decides how it may travel, and dot-stuffed.
// Its octets are never changed: what cannot be sent as it is, is not sent.

import { isAscii } from 'node:buffer';
import type { StoredMessage } from '../contract/index.ts';
import { DotEncoder } from '../smtp/index.ts';

export interface OutgoingMessage {
  readonly eightBit: boolean;
  readonly eightBitHeader: boolean;
  /** It has a bare CR, LF or NUL, in which a lenient next hop could find an end of data (RFC 5321 §2.3.8). */
  readonly unsafe: boolean;
  /** It goes as one chunk (RFC 3030), and in no other way. */
  readonly binary: boolean;
  /** A text whose last line has no end: it gets one, by DATA as in a chunk. */
  readonly unended: boolean;
  /** As it goes by DATA, the end of data included, where it is a text in memory; otherwise encode it anew. */
  readonly encoded: readonly Uint8Array[] | undefined;
  /** As it goes in a chunk, where it is in memory. */
  readonly octets: readonly Uint8Array[] | undefined;
}

const LINE_END = Uint8Array.of(13, 10);

/** Octets of the message as one chunk. */
export function chunkSize({ unended }: OutgoingMessage, { size }: Pick<StoredMessage, 'size'>): number {
  return unended ? size + LINE_END.length : size;
}

/** What a chunk has behind the octets of the message. */
export function endOfChunk({ unended }: OutgoingMessage): readonly Uint8Array[] {
  return unended ? [LINE_END] : [];
}

/** At once for a message in memory; any other is read through once. */
export function outgoingMessage(message: StoredMessage): OutgoingMessage | Promise<OutgoingMessage> {
  const { inMemory } = message;
  const binary = message.parameters.body === 'BINARYMIME';
  if (inMemory === undefined) return lookThrough(message, binary);
  const scan = new Scan(message.parameters.smtputf8 === true);
  const encoder = new DotEncoder();
  const encoded: Uint8Array[] = [];
  for (const chunk of inMemory) {
    scan.take(chunk);
    if (!binary) encoded.push(encoder.encode(chunk));
  }
  encoded.push(encoder.finish());
  return { ...findings(scan, encoder, binary), encoded: binary ? undefined : encoded, octets: inMemory };
}

async function lookThrough(message: StoredMessage, binary: boolean): Promise<OutgoingMessage> {
  const scan = new Scan(message.parameters.smtputf8 === true);
  const encoder = new DotEncoder();
  for await (const chunk of message.open()) {
    scan.take(chunk);
    if (!binary) encoder.encode(chunk);
    if (encoder.unsafe) break;
  }
  encoder.finish();
  return { ...findings(scan, encoder, binary), encoded: undefined, octets: undefined };
}

function findings({ eightBit, eightBitHeader }: Scan, { unsafe, endsLine }: DotEncoder, binary: boolean) {
  return { eightBit, eightBitHeader, unsafe, binary, unended: !endsLine };
}

const END_OF_HEADER = '\r\n\r\n';

class Scan {
  eightBit = false;
  eightBitHeader = false;
  #inHeader: boolean;
  /** The last octets seen, in which the end of the header section may have begun. */
  #tail = '';

  /** @param headerMatters whether to find out about the header section by itself. */
  constructor(headerMatters: boolean) {
    this.#inHeader = headerMatters;
  }

  take(chunk: Uint8Array): void {
    const ascii = isAscii(chunk);
    if (!ascii) this.eightBit = true;
    if (this.#inHeader) this.#takeHeader(chunk, ascii);
  }

  #takeHeader(chunk: Uint8Array, ascii: boolean): void {
    const octets = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const join = this.#tail + octets.toString('latin1', 0, END_OF_HEADER.length - 1);
    const found = octets.indexOf(END_OF_HEADER, 0, 'latin1');
    const end = join.includes(END_OF_HEADER) ? 0 : found === -1 ? octets.length : found;
    if (!ascii && !isAscii(octets.subarray(0, end))) this.eightBitHeader = true;
    this.#inHeader = end === octets.length;
    this.#tail = (this.#tail + octets.toString('latin1', Math.max(0, octets.length - 3))).slice(-3);
  }
}
