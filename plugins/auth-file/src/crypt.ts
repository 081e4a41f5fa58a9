// The crypt(3) hashes of htpasswd and shadow files: MD5 in Apache's variant (apr1), SHA-256 and SHA-512 by Drepper.
// They are only read; new passwords are hashed with scrypt. They take milliseconds, so a worker thread runs them.

import { createHash } from 'node:crypto';

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The hash of a password with the setting (`$apr1$salt$`, `$6$rounds=5000$salt$`) of another; undefined for none of these. */
export function crypt(password: string, setting: string): string | undefined {
  const apr1 = /^\$apr1\$([^$]{1,8})/.exec(setting);
  if (apr1 !== null) return apr1Crypt(Buffer.from(password), apr1[1] as string);
  const sha = /^\$([56])\$(?:rounds=(\d{1,9})\$)?([^$]{1,16})/.exec(setting);
  if (sha === null) return undefined;
  const rounds = sha[2] === undefined ? undefined : Math.min(Math.max(Number(sha[2]), 1000), 999_999_999);
  return shaCrypt(sha[1] === '5' ? 'sha256' : 'sha512', Buffer.from(password), sha[3] as string, rounds);
}

function digest(algorithm: string, ...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** As many octets of a block, used again and again, as asked for. */
function spread(block: Buffer, length: number): Buffer {
  return Buffer.alloc(length, block);
}

function apr1Crypt(password: Buffer, saltText: string): string {
  const salt = Buffer.from(saltText);
  const alternate = digest('md5', password, salt, password);
  const parts = [password, Buffer.from('$apr1$'), salt, spread(alternate, password.length)];
  for (let bits = password.length; bits > 0; bits >>= 1)
    parts.push((bits & 1) === 1 ? Buffer.alloc(1) : password.subarray(0, 1));
  let state = digest('md5', ...parts);
  for (let round = 0; round < 1000; round++) {
    state = digest(
      'md5',
      round % 2 === 1 ? password : state,
      ...(round % 3 === 0 ? [] : [salt]),
      ...(round % 7 === 0 ? [] : [password]),
      round % 2 === 1 ? state : password,
    );
  }
  return `$apr1$${saltText}$${encode(state, APR1_ORDER)}`;
}

function shaCrypt(
  algorithm: 'sha256' | 'sha512',
  password: Buffer,
  saltText: string,
  rounds: number | undefined,
): string {
  const salt = Buffer.from(saltText);
  const alternate = digest(algorithm, password, salt, password);
  const parts = [password, salt, spread(alternate, password.length)];
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push((bits & 1) === 1 ? alternate : password);
  let state = digest(algorithm, ...parts);
  const p = spread(digest(algorithm, ...new Array<Buffer>(password.length).fill(password)), password.length);
  const s = spread(
    digest(algorithm, ...new Array<Buffer>(16 + (state[0] as number)).fill(salt)),
    salt.length,
  );
  for (let round = 0; round < (rounds ?? 5000); round++) {
    const odd = round % 2 === 1;
    state = digest(
      algorithm,
      odd ? p : state,
      ...(round % 3 === 0 ? [] : [s]),
      ...(round % 7 === 0 ? [] : [p]),
      odd ? state : p,
    );
  }
  const prefix = algorithm === 'sha256' ? '$5$' : '$6$';
  const head = rounds === undefined ? prefix : `${prefix}rounds=${rounds}$`;
  return `${head}${saltText}$${encode(state, algorithm === 'sha256' ? SHA256_ORDER : SHA512_ORDER)}`;
}

/** Groups of octets, the highest first; -1 stands for zero, and of its group fewer characters are written. */
type Order = readonly (readonly [number, number, number])[];

const APR1_ORDER: Order = [
  [0, 6, 12],
  [1, 7, 13],
  [2, 8, 14],
  [3, 9, 15],
  [4, 10, 5],
  [-1, -1, 11],
];
const SHA256_ORDER: Order = [...turning(10, [0, 10, 20], 21, 30), [-1, 31, 30]];
const SHA512_ORDER: Order = [...turning(21, [0, 21, 42], 22, 63), [-1, -1, 63]];

/** Drepper's order: each group is the one before, turned by one place and one octet on. */
function turning(count: number, first: readonly [number, number, number], step: number, size: number): Order {
  const groups: (readonly [number, number, number])[] = [];
  let [a, b, c] = first;
  for (let index = 0; index < count; index++) {
    groups.push([a, b, c]);
    [a, b, c] = [(a + step) % size, (b + step) % size, (c + step) % size];
  }
  return groups;
}

function encode(bytes: Buffer, order: Order): string {
  let text = '';
  for (const group of order) {
    const [high, middle, low] = group.map((index) => (index === -1 ? 0 : (bytes[index] as number))) as [
      number,
      number,
      number,
    ];
    let value = (high << 16) | (middle << 8) | low;
    const absent = group.filter((index) => index === -1).length;
    for (let left = 4 - absent; left > 0; left--) {
      text += ALPHABET[value & 0x3f];
      value >>= 6;
    }
  }
  return text;
}
