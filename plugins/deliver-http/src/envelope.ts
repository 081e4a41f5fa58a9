// What a request says beside the message: who it is for, and the name under which the endpoint can know it again. Pure.

import { createHash } from 'node:crypto';
import type { Delivery, Recipient } from '@posthouse/core';

export interface Envelope {
  /** The same for every retry with these recipients, and for nothing else. */
  readonly key: string;
  /** The envelope as JSON in ASCII: `{"sender":"…","recipients":["…"]}`. The sender of a bounce is ''. */
  readonly json: string;
}

export function envelopeOf(
  { id, sender }: Pick<Delivery, 'id' | 'sender'>,
  recipients: readonly Recipient[],
): Envelope {
  const addresses = recipients.map(({ address }) => address.toString());
  const digest = createHash('sha256')
    .update(JSON.stringify([...addresses].sort()))
    .digest('hex');
  const envelope = { sender: sender === null ? '' : sender.toString(), recipients: addresses };
  return { key: `${id}-${digest.slice(0, 32)}`, json: ascii(JSON.stringify(envelope)) };
}

/** The recipients in their order, so many at a time: whole groups that are settled leave the others as they were. */
export function groups<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );
}

/** JSON that any header field can carry (RFC 9110 §5.5). */
function ascii(json: string): string {
  return json.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
