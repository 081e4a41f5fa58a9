// What a message itself asks of the TLS to its next hops (RFC 8689): more than usual, or less.

import type { Delivery, StoredMessage } from '@posthouse/core';

/** `required`: the REQUIRETLS of its envelope; `not-required`: its header field `TLS-Required: No`. */
export type MessageWish = 'required' | 'not-required';

/** Connections for such messages are their own: no other is given to a hop that was held to less than it should be. */
export function keptAsFor(destination: string, wish: MessageWish): string {
  return `${destination} tls ${wish}`;
}

/** Octets of a header section that are looked through. */
const MAX_HEADER = 262_144;

/** What tells of a message (its sender is null) goes by the usual rules: §5 would not have it lost. */
export function isTlsRequired({ message, sender }: Pick<Delivery, 'message' | 'sender'>): boolean {
  return message.parameters.requiretls === true && sender !== null;
}

/** Whether it says that it may go without what its next hops have published (§4.2.2). */
export async function isTlsNotRequired(message: StoredMessage): Promise<boolean> {
  let header = '';
  for await (const chunk of message.inMemory ?? message.open()) {
    header += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
    const end = header.indexOf('\r\n\r\n');
    if (end !== -1) header = header.slice(0, end + 2);
    if (end !== -1 || header.length > MAX_HEADER) break;
  }
  // §3: the field has one value, and is no field with any other; in any case (RFC 5234 §2.3).
  return /^TLS-Required[ \t]*:[ \t]*No[ \t]*\r$/im.test(header.replace(/\r\n[ \t]+/g, ' '));
}
