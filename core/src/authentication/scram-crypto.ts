// The cryptography of SCRAM-SHA-256 (RFC 7677): what the pure exchange in smtp/ is given as arguments.

import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { ScramKeys } from '../smtp/index.ts';

export function scramHmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(data).digest();
}

export function scramHash(data: Uint8Array): Uint8Array {
  return createHash('sha256').update(data).digest();
}

/** 144 bits, in characters that a nonce may have. */
export function scramNonce(): string {
  return randomBytes(18).toString('base64');
}

const SECRET = randomBytes(32);
const SALT_LENGTH = 16;

/**
 * Keys that nobody has the password of. The same name gets the same salt for the life of the process, as a real user
 * would (RFC 5802 §9).
 */
export function keysOfNobody(user: string, iterations: number): ScramKeys {
  const from = (use: string): Uint8Array => createHmac('sha256', SECRET).update(`${use}:${user}`).digest();
  return {
    salt: from('salt').subarray(0, SALT_LENGTH),
    iterations,
    storedKey: from('stored'),
    serverKey: from('server'),
  };
}
