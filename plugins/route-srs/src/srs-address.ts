// SRS addresses (the Sender Rewriting Scheme, guarded): written, checked and read back. Pure; time is an argument.
// The form and the hash are those of libsrs and postsrsd, so that a server that moves keeps the addresses it has given.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { Mailbox, parseMailbox } from '@posthouse/core';

export interface SrsSettings {
  /** The first one signs; all of them are good for reading. */
  readonly secrets: readonly string[];
  /** Where bounces come back to. */
  readonly domain: string;
  /** Characters of the hash, 6 bits each. */
  readonly hashLength: number;
  /** Days after which a bounce is not believed any more. */
  readonly maxAge: number;
}

export type Reading =
  | { readonly kind: 'original' | 'expired'; readonly address: Mailbox }
  /** No SRS address at all. */
  | { readonly kind: 'other' }
  /** Not written by us, or changed since. */
  | { readonly kind: 'forged' };

const DAY = 86_400_000;
/** A time stamp is the day, modulo this: two characters of base32. */
const DAYS = 1024;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** Either scheme, with one of the separators that are in use. */
const SRS = /^SRS([01])[-+=]/i;

/**
 * The address of a sender when its message is forwarded; undefined where there is none: an address literal, or an address
 * so long that no local part can hold it.
 * @param now milliseconds since the epoch
 */
export function forwardAddress(sender: Mailbox, settings: SrsSettings, now: number): Mailbox | undefined {
  const { local, domain } = sender;
  if (domain === '' || domain.startsWith('[')) return undefined;
  const rewritten = new Mailbox(rewrittenLocal(local, domain, settings, now), settings.domain);
  // RFC 5321 §4.5.3.1: a local part has 64 octets. What we would not take back we do not give.
  return parseMailbox(rewritten.toString(), { smtputf8: true }) === undefined ? undefined : rewritten;
}

/** Whether the local part has the form of an SRS address, whoever wrote it. */
export function isSrs(local: string): boolean {
  return SRS.test(local);
}

/** To whom a bounce for the local part of one of our addresses goes. @param now milliseconds since the epoch */
export function readAddress(local: string, settings: SrsSettings, now: number): Reading {
  const scheme = SRS.exec(local)?.[1];
  if (scheme === undefined) return { kind: 'other' };
  const rest = local.slice(5);
  return scheme === '0' ? readFirst(rest, settings, now) : readSecond(rest, settings);
}

function rewrittenLocal(local: string, domain: string, settings: SrsSettings, now: number): string {
  const [secret = ''] = settings.secrets;
  const scheme = SRS.exec(local)?.[1];
  if (scheme === undefined) {
    const stamp = stampOf(now);
    return `SRS0=${hashOf(secret, [stamp, domain, local], settings.hashLength)}=${stamp}=${domain}=${local}`;
  }
  // Forwarded before: the second forwarder names the first one, and no address grows beyond that.
  const second = scheme === '1' ? splitSecond(local.slice(5)) : undefined;
  const host = second?.host ?? domain;
  const rest = second?.rest ?? local.slice(4);
  return `SRS1=${hashOf(secret, [host, rest], settings.hashLength)}=${host}=${rest}`;
}

/** `hash=stamp=domain=local` */
function readFirst(text: string, settings: SrsSettings, now: number): Reading {
  const [, hash = '', stamp = '', domain = '', local = ''] =
    /^([^=]+)=([A-Z2-7]{2})=([^=]+)=(.+)$/is.exec(text) ?? [];
  if (local === '' || !isOurs(hash, [stamp, domain, local], settings)) return { kind: 'forged' };
  const kind = ageOf(stamp, now) > settings.maxAge ? 'expired' : 'original';
  return { kind, address: new Mailbox(local, domain) };
}

/** The bounce goes to the first forwarder, who alone can read the rest. */
function readSecond(text: string, settings: SrsSettings): Reading {
  const second = splitSecond(text);
  if (second === undefined || !isOurs(second.hash, [second.host, second.rest], settings))
    return { kind: 'forged' };
  return { kind: 'original', address: new Mailbox(`SRS0${second.rest}`, second.host) };
}

/** `hash=host=rest`, where the rest begins with the first forwarder's own separator. */
function splitSecond(text: string): { hash: string; host: string; rest: string } | undefined {
  const [, hash, host, rest] = /^([^=]+)=([^=]+)=([-+=].+)$/s.exec(text) ?? [];
  return hash === undefined || host === undefined || rest === undefined ? undefined : { hash, host, rest };
}

/** Some servers change the case of local parts: the hash is of small letters, and its own case is not looked at. */
function hashOf(secret: string, parts: readonly string[], length: number): string {
  const hmac = createHmac('sha1', secret);
  for (const part of parts) hmac.update(part.toLowerCase());
  return hmac.digest('base64').slice(0, length);
}

function isOurs(hash: string, parts: readonly string[], { secrets, hashLength }: SrsSettings): boolean {
  // Longer ones were written with another setting; their first characters are checked, never fewer than that.
  const given = Buffer.from(hash.slice(0, hashLength).toLowerCase());
  return secrets.some((secret) => {
    const wanted = Buffer.from(hashOf(secret, parts, hashLength).toLowerCase());
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
}

function stampOf(now: number): string {
  const day = Math.floor(now / DAY) % DAYS;
  return `${BASE32[day >> 5]}${BASE32[day & 31]}`;
}

/** Days. */
function ageOf(stamp: string, now: number): number {
  const [high = '', low = ''] = stamp.toUpperCase();
  const day = BASE32.indexOf(high) * 32 + BASE32.indexOf(low);
  return (Math.floor(now / DAY) - day + 2 * DAYS) % DAYS;
}
