// Variable envelope return paths: one reverse-path for each recipient, so that a bounce names him whatever it says, and
// with a hash that only we can make, so that nobody bounces mail that was never sent. Pure but for the hash.
//
//   bounces+k3vq9x7a=ann=example.org@lists.example     with secrets
//   bounces+ann=example.org@lists.example              without

import { createHmac, timingSafeEqual } from 'node:crypto';
import { Mailbox, parseMailbox } from '@posthouse/core';

export interface VerpSettings {
  /** Of the local part, before the `+`. */
  readonly prefix: string;
  readonly domain: string;
  /** The first one writes, all of them read. None: addresses without a hash. */
  readonly secrets: readonly string[];
}

export type VerpReading =
  /** The address itself, without a recipient in it. */
  | { readonly kind: 'plain' }
  | { readonly kind: 'recipient'; readonly recipient: Mailbox; readonly verified: boolean }
  /** It has the form, and we have not written it. */
  | { readonly kind: 'forged' };

/** Base 32 in small letters: RFC 5321 lets nobody change the case of a local part, and many do. */
const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';
const HASH = 10;

/** The reverse-path for mail to the recipient. Throws a TypeError where it would be too long (RFC 5321 §4.5.3.1.1). */
export function verpAddress(recipient: Mailbox, { prefix, domain, secrets }: VerpSettings): Mailbox {
  const told = `${recipient.local}=${recipient.domain}`;
  const [secret] = secrets;
  const hash = secret === undefined ? '' : `${hashOf(told, secret)}=`;
  const address = new Mailbox(`${prefix}+${hash}${told}`, domain);
  if (Buffer.byteLength(address.local) > 64) throw new TypeError(`no room for ${recipient} in a local part`);
  return address;
}

/** undefined: it is another address. */
export function readVerp({ local, domain }: Mailbox, settings: VerpSettings): VerpReading | undefined {
  if (domain !== settings.domain) return undefined;
  const prefix = local.slice(0, settings.prefix.length).toLowerCase();
  if (prefix !== settings.prefix.toLowerCase()) return undefined;
  const rest = local.slice(prefix.length);
  if (rest === '') return { kind: 'plain' };
  if (!rest.startsWith('+')) return undefined;
  const told = rest.slice(1);
  if (settings.secrets.length === 0) return reading(told, false);
  const hash = told.slice(0, HASH).toLowerCase();
  const behind = told.slice(HASH + 1);
  if (told[HASH] !== '=' || !settings.secrets.some((secret) => equals(hash, hashOf(behind, secret))))
    return { kind: 'forged' };
  return reading(behind, true);
}

function reading(told: string, verified: boolean): VerpReading {
  const at = told.lastIndexOf('=');
  const recipient = parseMailbox(`${told.slice(0, Math.max(0, at))}@${told.slice(at + 1)}`, {
    smtputf8: true,
  });
  return recipient === undefined ? { kind: 'forged' } : { kind: 'recipient', recipient, verified };
}

/** Over small letters, as the way back may change the case. */
function hashOf(told: string, secret: string): string {
  const digest = createHmac('sha256', secret).update(told.toLowerCase()).digest();
  return [...digest.subarray(0, HASH)].map((octet) => LETTERS[octet & 31]).join('');
}

function equals(a: string, b: string): boolean {
  const [first, second] = [Buffer.from(a), Buffer.from(b)];
  return first.length === second.length && timingSafeEqual(first, second);
}
