// The body of a request, readable more than once: for its signature, and for each try to send it.
// `raw` and `json` stream a message that is not in memory; `parsed` needs all of it at once, within `maxSize`.

import type { StoredMessage } from '@posthouse/core';
import type { Envelope } from './envelope.ts';

export interface Payload {
  readonly type: string;
  /** Octets. */
  readonly length: number;
  open(): AsyncIterable<Uint8Array>;
}

/** More than a header section may have by default; what is longer is cut. */
const MAX_HEADER = 1024 * 1024;

export function rawPayload(message: StoredMessage): Payload {
  return { type: 'message/rfc822', length: message.size, open: () => message.open() };
}

export async function jsonPayload(message: StoredMessage, envelope: Envelope): Promise<Payload> {
  const about = { ...aboutOf(message, envelope), headers: await headersOf(message) };
  const before = Buffer.from(`${JSON.stringify(about).slice(0, -1)},"raw":"`);
  const after = Buffer.from('"}');
  return {
    type: 'application/json',
    length: before.length + Math.ceil(message.size / 3) * 4 + after.length,
    async *open() {
      yield before;
      yield* base64(message.open());
      yield after;
    },
  };
}

export async function parsedPayload(message: StoredMessage, envelope: Envelope): Promise<Payload> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of message.open()) chunks.push(chunk);
  const { headers, text, html, attachments } = await parse(Buffer.concat(chunks));
  const body = Buffer.from(
    JSON.stringify({
      ...aboutOf(message, envelope),
      headers: headers.map(({ key, value }) => ({ name: key, value })),
      text,
      html,
      attachments: attachments.map(({ filename, mimeType, disposition, contentId, content }) => ({
        filename,
        type: mimeType,
        disposition,
        contentId,
        content: Buffer.from(content as ArrayBuffer).toString('base64'),
      })),
    }),
  );
  return {
    type: 'application/json',
    length: body.length,
    async *open() {
      yield body;
    },
  };
}

function aboutOf({ id, size, arrivedAt }: StoredMessage, envelope: Envelope): object {
  return { id, envelope: JSON.parse(envelope.json), size, arrivedAt: new Date(arrivedAt).toISOString() };
}

async function headersOf(message: StoredMessage): Promise<readonly { name: string; value: string }[]> {
  let header = Buffer.alloc(0);
  for await (const chunk of message.open()) {
    header = Buffer.concat([header, chunk]);
    const end = header.indexOf('\r\n\r\n');
    if (end !== -1) header = header.subarray(0, end + 4);
    if (end !== -1 || header.length >= MAX_HEADER) break;
  }
  const { headers } = await parse(header.subarray(0, MAX_HEADER));
  return headers.map(({ key, value }) => ({ name: key, value }));
}

async function parse(octets: Buffer) {
  // Only those who ask for JSON pay for the parser.
  const { default: PostalMime } = await import('postal-mime');
  return PostalMime.parse(octets);
}

/** Three octets at a time, whatever the cuts. */
async function* base64(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const all = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    const whole = all.length - (all.length % 3);
    rest = all.subarray(whole);
    if (whole > 0) yield Buffer.from(all.toString('base64', 0, whole), 'latin1');
  }
  if (rest.length > 0) yield Buffer.from(rest.toString('base64'), 'latin1');
}
