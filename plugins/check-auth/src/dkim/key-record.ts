// A key in DNS (RFC 6376 §3.6.1, §6.1.2, RFC 8463 §4): its record read once, and then known by its text.

import { createPublicKey, type KeyObject } from 'node:crypto';
import { Known } from '../known.ts';
import { parseTagList, withoutSpace } from './tag-list.ts';

export interface PublicKey {
  readonly type: 'rsa' | 'ed25519';
  readonly key: KeyObject;
  /** Of RSA. */
  readonly bits: number;
  /** Flag `s`: `i=` must not be below `d=`. */
  readonly strict: boolean;
  /** `h=`: lower case; undefined allows all. */
  readonly hashes: readonly string[] | undefined;
}

export type KeyFault = { readonly fault: string };

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
/** The SubjectPublicKeyInfo of Ed25519 before the 32 octets (RFC 8410 §4). */
const ED25519 = Buffer.from('302a300506032b6570032100', 'hex');
const INTEGER = 0x02;
const SEQUENCE = 0x30;

export class KeyRecords {
  readonly #known = new Known<PublicKey | KeyFault>(parseKey);

  read(record: string): PublicKey | KeyFault {
    return this.#known.get(record);
  }
}

export function parseKey(record: string): PublicKey | KeyFault {
  // Records are folded by hand: white space never belongs to a value.
  const text = withoutSpace(record);
  const tags = parseTagList(text);
  if (tags === undefined) return { fault: 'invalid public key' };
  const value = tags.get('p') ?? '';
  // §3.6.1: an empty p= is a key that was revoked.
  if (!BASE64.test(value) || value.length % 4 === 1) return { fault: 'invalid public key' };
  const version = tags.get('v');
  if (version !== undefined && (version !== 'DKIM1' || !text.startsWith('v=')))
    return { fault: 'unknown key version' };
  const services = listed(tags.get('s'));
  if (services !== undefined && !services.includes('email') && !services.includes('*'))
    return { fault: 'key not for email' };
  const type = (tags.get('k') ?? 'rsa').toLowerCase();
  const key = keyOf(type, Buffer.from(value, 'base64'));
  if (key === undefined || key.asymmetricKeyType !== type) return { fault: 'unknown key type' };
  return {
    type: key.asymmetricKeyType as PublicKey['type'],
    key,
    bits: key.asymmetricKeyDetails?.modulusLength ?? 0,
    strict: listed(tags.get('t'))?.includes('s') ?? false,
    hashes: listed(tags.get('h')),
  };
}

function keyOf(type: string, octets: Buffer): KeyObject | undefined {
  if (type !== 'rsa' && type !== 'ed25519') return undefined;
  try {
    if (type === 'ed25519') {
      // RFC 8463 §4: the bare key, in no structure.
      if (octets.length !== 32) return undefined;
      return createPublicKey({ key: Buffer.concat([ED25519, octets]), format: 'der', type: 'spki' });
    }
    // RFC 6376 has the bare RSAPublicKey; what people publish is nearly always a SubjectPublicKeyInfo.
    const form = isBare(octets) ? 'pkcs1' : 'spki';
    return createPublicKey({ key: octets, format: 'der', type: form });
  } catch {
    return undefined;
  }
}

/** An RSAPublicKey begins with an INTEGER, a SubjectPublicKeyInfo with a SEQUENCE. */
function isBare(der: Buffer): boolean {
  const length = der[1] ?? 0;
  return der[0] === SEQUENCE && der[length < 0x80 ? 2 : 2 + (length & 0x7f)] === INTEGER;
}

function listed(value: string | undefined): readonly string[] | undefined {
  return value
    ?.toLowerCase()
    .split(':')
    .filter((each) => each !== '');
}
