// One ARC set (RFC 8617 §5.1) over a message as it goes out, made by mailauth: the results, the signature over the
// message, the seal over all sets.

import type { KeyObject } from 'node:crypto';
import type { FinalMessage } from '@posthouse/core';
import { BodyHash } from '@posthouse/core/dkim';

/** mailauth, as far as it is used here. */
export interface Sealer {
  createSeal(
    input: false,
    data: {
      readonly headers: Fields;
      readonly arc: { readonly chain: unknown } | undefined;
      readonly seal: object;
    },
  ): Promise<{ readonly headers: readonly string[]; readonly errors: readonly { readonly err?: Error }[] }>;
  /** Throws for a chain that is none. */
  getARChain(headers: Fields, options: { readonly strict: true }): unknown;
}

export interface Seal {
  readonly domain: string;
  readonly selector: string;
  readonly key: KeyObject;
  /** Of the chain that arrived, as it was verified on arrival. */
  readonly cv: 'none' | 'pass' | 'fail';
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The results under this name, which the core has written, are sealed. */
  readonly authservId: string;
}

interface Fields {
  readonly parsed: readonly Field[];
  readonly original: Buffer;
}
interface Field {
  /** Lower case. */
  readonly key: string;
  readonly casedKey: string;
  /** Without its last CRLF. */
  readonly line: Buffer;
}

/** Loaded when the plugin starts: mailauth takes a tenth of a second. */
export async function loadSealer(): Promise<Sealer> {
  const arc = 'mailauth/lib/arc/index.js';
  return ((await import(arc)) as { default: Sealer }).default;
}

/** The three fields for the top of the message, or why there are none: a chain is full, or has failed before. */
export async function sealed(
  sealer: Sealer,
  message: FinalMessage,
  { domain, selector, key, cv, now, authservId }: Seal,
): Promise<{ readonly fields: string } | { readonly refused: string }> {
  const header = Buffer.from(message.header.buffer, message.header.byteOffset, message.header.length);
  const parsed = fieldsOf(header);
  const authResults = resultsUnder(authservId, parsed);
  if (authResults === undefined) return { refused: `no Authentication-Results of ${authservId} to seal` };
  const hash = new BodyHash('relaxed');
  for await (const octets of message.inMemory ?? message.open()) hash.update(octets);
  const fields = { parsed, original: header };
  let chain: unknown;
  try {
    // RFC 8617 §5.1.1: a good chain is sealed as a whole; of a failed one only our own set (§5.1.2).
    if (cv === 'pass') chain = sealer.getARChain(fields, { strict: true });
  } catch (error) {
    // Another plugin has edited what was good on arrival.
    return { refused: (error as Error).message };
  }
  const { headers, errors } = await sealer.createSeal(false, {
    headers: fields,
    arc: chain === undefined ? undefined : { chain },
    seal: {
      signingDomain: domain,
      selector,
      privateKey: key.export({ type: 'pkcs8', format: 'pem' }),
      bodyHash: hash.digest(),
      signTime: new Date(now),
      authResults,
      cv,
      strict: true,
    },
  });
  if (headers.length === 0) return { refused: errors[0]?.err?.message ?? 'no seal was made' };
  return { fields: `${headers.join('\r\n')}\r\n` };
}

/** In one pass: mailauth's own cutting takes time that grows with the square of the number of folded lines. */
export function fieldsOf(header: Buffer): readonly Field[] {
  const fields: Field[] = [];
  for (const raw of header.toString('latin1').split(/(?<=\r\n)(?![ \t])/)) {
    const colon = raw.indexOf(':');
    if (colon <= 0) continue;
    const casedKey = raw.slice(0, colon).trim();
    const line = Buffer.from(raw.replace(/\r\n$/, ''), 'latin1');
    fields.push({ key: casedKey.toLowerCase(), casedKey, line });
  }
  return fields;
}

/** The value of the topmost Authentication-Results with our name: any that is not ours was removed on arrival. */
function resultsUnder(authservId: string, fields: readonly Field[]): string | undefined {
  for (const { key, line } of fields) {
    if (key !== 'authentication-results') continue;
    const value = line.toString('utf8').replace(/^[^:]*:[ \t]*/, '');
    if (value.slice(0, authservId.length + 1).toLowerCase() === `${authservId.toLowerCase()};`) return value;
  }
  return undefined;
}
