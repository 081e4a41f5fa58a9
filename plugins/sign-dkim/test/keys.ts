// Keys for the tests, made once for each run: nothing secret lies in the tree.

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

export const rsaKeyOf = (modulusLength: number): string =>
  pem(generateKeyPairSync('rsa', { modulusLength }).privateKey);

export const rsaKey = rsaKeyOf(2048);
export const ed25519Key = pem(generateKeyPairSync('ed25519').privateKey);
export const ecKey = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);

/** The DNS record of a private key: RFC 6376 §3.6.1; of Ed25519 the bare 32 octets (RFC 8463 §4). */
export function recordOf(privateKey: string): string {
  const key = createPublicKey(privateKey);
  const der = key.export({ type: 'spki', format: 'der' });
  return key.asymmetricKeyType === 'ed25519'
    ? `v=DKIM1; k=ed25519; p=${der.subarray(-32).toString('base64')}`
    : `v=DKIM1; k=rsa; p=${der.toString('base64')}`;
}
