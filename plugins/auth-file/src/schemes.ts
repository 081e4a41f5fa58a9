// The ways in which a password can be stored: how each is written, read and held against a password.

import {
  createHash,
  createHmac,
  pbkdf2,
  randomBytes,
  type ScryptOptions,
  scrypt,
  timingSafeEqual,
} from 'node:crypto';
import { promisify } from 'node:util';
import { saslprep } from '@mongodb-js/saslprep';
import type { ScramKeys } from '@posthouse/core';
import type { HashThread } from './hash-thread.ts';

const scryptAsync = promisify<Buffer | string, Buffer, number, ScryptOptions, Buffer>(scrypt);
const pbkdf2Async = promisify(pbkdf2);

/** What new passwords can be stored as. */
export const NEW_SCHEMES = ['scrypt', 'scram-sha-256'] as const;
export type NewScheme = (typeof NEW_SCHEMES)[number];

/** A stored password. */
export type StoredPassword =
  | {
      readonly scheme: 'scrypt';
      readonly ln: number;
      readonly r: number;
      readonly p: number;
      readonly salt: Buffer;
      readonly hash: Buffer;
    }
  | ({ readonly scheme: 'scram-sha-256' } & ScramKeys)
  /** bcrypt, apr1, sha256-crypt, sha512-crypt: computed by the thread. */
  | { readonly scheme: 'crypt'; readonly hash: string };

/** 32 MiB and some 80 ms for each check: what an attacker pays for each guess, and we for each login. */
const SCRYPT = { ln: 15, r: 8, p: 1 } as const;
const SCRYPT_KEY = 32;
/** Above this a line in the file could take the machine down. */
const MAX_SCRYPT_MEMORY = 256 * 2 ** 20;
const SCRAM_ITERATIONS = 100_000;
const MAX_ITERATIONS = 10_000_000;

const PHC_SCRYPT =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{8,})\$([A-Za-z0-9+/]{20,})$/;
const SCRAM = /^\{SCRAM-SHA-256\}(\d{1,8}),([A-Za-z0-9+/]+=*),([A-Za-z0-9+/]+=*),([A-Za-z0-9+/]+=*)$/;
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const CRYPT =
  /^(?:\$apr1\$[^$]{1,8}\$[./A-Za-z0-9]{22}|\$5\$(?:rounds=\d{1,9}\$)?[^$]{1,16}\$[./A-Za-z0-9]{43}|\$6\$(?:rounds=\d{1,9}\$)?[^$]{1,16}\$[./A-Za-z0-9]{86})$/;
const MAX_ROUNDS = 1_000_000;

/** Reads what stands behind the colon, or says what is wrong with it. */
export function parseStored(written: string): StoredPassword | { readonly problem: string } {
  const scram = SCRAM.exec(written);
  if (scram !== null) return scramOf(scram);
  // Dovecot's names for what crypt writes with its own.
  const text = written.replace(/^\{(?:BLF-CRYPT|SHA256-CRYPT|SHA512-CRYPT|CRYPT)\}/i, '');
  const phc = PHC_SCRYPT.exec(text);
  if (phc !== null) return scryptOf(phc);
  const cost = BCRYPT.exec(text)?.[1];
  if (cost !== undefined) {
    if (Number(cost) < 4 || Number(cost) > 16)
      return { problem: `bcrypt with the cost ${cost}; 4 to 16 are possible` };
    return { scheme: 'crypt', hash: text };
  }
  if (CRYPT.test(text)) {
    const rounds = Number(/rounds=(\d+)/.exec(text)?.[1] ?? 0);
    if (rounds > MAX_ROUNDS) return { problem: `${rounds} rounds; at most ${MAX_ROUNDS} are possible` };
    return { scheme: 'crypt', hash: text };
  }
  return {
    problem: `${nameOf(written)}; known are scrypt, SCRAM-SHA-256, bcrypt, apr1, SHA-256-crypt and SHA-512-crypt`,
  };
}

/** The scheme's name where it can be told: never the hash itself, which is a secret. */
function nameOf(written: string): string {
  if (written === '') return 'no password';
  const [, name] = /^(\{[A-Za-z0-9.-]{1,30}\}|\$[A-Za-z0-9-]{1,20}\$)/.exec(written) ?? [];
  return name === undefined
    ? 'a password that is not hashed, or in a way that is not known'
    : `an unknown or damaged hash ${name}`;
}

function scryptOf(match: RegExpExecArray): StoredPassword | { readonly problem: string } {
  const [, ln, r, p, salt, hash] = match as unknown as string[];
  const parameters = { ln: Number(ln), r: Number(r), p: Number(p) };
  const bad =
    parameters.ln < 10 || parameters.r < 1 || parameters.p < 1 || memoryOf(parameters) > MAX_SCRYPT_MEMORY;
  if (bad) return { problem: 'scrypt with parameters that are too small or too large' };
  return {
    scheme: 'scrypt',
    ...parameters,
    salt: Buffer.from(salt as string, 'base64'),
    hash: Buffer.from(hash as string, 'base64'),
  };
}

function scramOf(match: RegExpExecArray): StoredPassword | { readonly problem: string } {
  const [salt, storedKey, serverKey] = match.slice(2).map((part) => Buffer.from(part, 'base64')) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  const iterations = Number(match[1]);
  // RFC 7677 §4
  if (iterations < 4096 || iterations > MAX_ITERATIONS)
    return { problem: `SCRAM-SHA-256 with ${iterations} iterations; 4096 to ${MAX_ITERATIONS} are possible` };
  if (storedKey.length !== 32 || serverKey.length !== 32)
    return { problem: 'SCRAM-SHA-256 with keys of a wrong length' };
  return { scheme: 'scram-sha-256', iterations, salt, storedKey, serverKey };
}

/** Takes the same time whatever the answer. Rejects when it cannot be told. */
export async function verify(password: string, stored: StoredPassword, thread: HashThread): Promise<boolean> {
  if (stored.scheme === 'crypt') {
    // Whoever wrote these knew nothing of SASLprep.
    return same(Buffer.from(await thread.hash(password, stored.hash)), Buffer.from(stored.hash));
  }
  const prepared = prepare(password);
  if (stored.scheme === 'scrypt') {
    return same(await derive(prepared, stored.salt, stored.hash.length, stored), stored.hash);
  }
  const { storedKey } = await scramKeysOf(prepared, Buffer.from(stored.salt), stored.iterations);
  return same(storedKey, stored.storedKey);
}

/** A new password as the file has it. */
export async function hashPassword(password: string, scheme: NewScheme): Promise<string> {
  const prepared = prepare(password);
  const salt = randomBytes(16);
  if (scheme === 'scrypt') {
    const { ln, r, p } = SCRYPT;
    const hash = await derive(prepared, salt, SCRYPT_KEY, SCRYPT);
    return `$scrypt$ln=${ln},r=${r},p=${p}$${unpadded(salt)}$${unpadded(hash)}`;
  }
  const { storedKey, serverKey } = await scramKeysOf(prepared, salt, SCRAM_ITERATIONS);
  const parts = [salt, storedKey, serverKey].map((part) => Buffer.from(part).toString('base64'));
  return `{SCRAM-SHA-256}${SCRAM_ITERATIONS},${parts.join(',')}`;
}

/** RFC 4013: so that a password typed on another keyboard is the same. What may not be in one is taken as it is. */
function prepare(password: string): string {
  try {
    return saslprep(password, { allowUnassigned: true });
  } catch {
    return password;
  }
}

function memoryOf({ ln, r }: { readonly ln: number; readonly r: number }): number {
  return 128 * 2 ** ln * r;
}

function derive(
  password: string,
  salt: Buffer,
  length: number,
  parameters: { readonly ln: number; readonly r: number; readonly p: number },
): Promise<Buffer> {
  const { ln, r, p } = parameters;
  return scryptAsync(password, salt, length, { N: 2 ** ln, r, p, maxmem: memoryOf(parameters) + 2 ** 21 });
}

/** RFC 5802 §3. */
async function scramKeysOf(password: string, salt: Buffer, iterations: number): Promise<ScramKeys> {
  const salted = await pbkdf2Async(password, salt, iterations, 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  return {
    salt,
    iterations,
    storedKey: createHash('sha256').update(clientKey).digest(),
    serverKey: createHmac('sha256', salted).update('Server Key').digest(),
  };
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

/** BASE64 as the PHC string format has it. */
function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
