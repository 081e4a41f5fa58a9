// The signature of a request: HMAC-SHA256 (RFC 2104) over the time, the idempotency key, the envelope and the body.

import { createHmac } from 'node:crypto';
import type { Envelope } from './envelope.ts';
import type { Payload } from './payload.ts';

/** The value of `posthouse-signature`: `t=1795478400,v1=<64 hexadecimal digits>`. @param now milliseconds */
export async function signatureOf(
  secret: string,
  { key, json }: Envelope,
  payload: Payload,
  now: number,
): Promise<string> {
  const seconds = Math.floor(now / 1000);
  const hmac = createHmac('sha256', secret).update(`${seconds}.${key}.${json}.`);
  for await (const chunk of payload.open()) hmac.update(chunk);
  return `t=${seconds},v1=${hmac.digest('hex')}`;
}
