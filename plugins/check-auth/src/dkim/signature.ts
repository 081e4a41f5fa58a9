// One DKIM-Signature field, read and judged before anything is looked up (RFC 6376 §3.5, §6.1.1). Pure.

import { domainToASCII } from 'node:url';
import type { Canonicalization } from '@posthouse/core/dkim';
import { parseTagList, type TagList, withoutSpace } from './tag-list.ts';

export type Algorithm = 'rsa-sha256' | 'ed25519-sha256' | 'rsa-sha1';

/** What tells one signature from the others in results, as far as it could be read. */
export interface SignatureName {
  /** `d=` in A-labels. */
  readonly domain: string;
  readonly selector: string;
  /** `i=`, or what it is when it is not there. */
  readonly identity: string;
  readonly algorithm: string;
  /** `b=` without white space. */
  readonly value: string;
}

export interface Signature extends SignatureName {
  readonly algorithm: Algorithm;
  readonly header: Canonicalization;
  readonly body: Canonicalization;
  readonly bodyHash: string;
  /** `h=`: lower case, in its order. */
  readonly fields: readonly string[];
  /** `l=`. */
  readonly limit: number | undefined;
  /** Seconds since the epoch. */
  readonly expiresAt: number | undefined;
  /** The domain of `i=`, where there is one. */
  readonly identityDomain: string | undefined;
  /** The field without the value of `b=` and without its last CRLF: what is hashed of it. */
  readonly own: string;
}

/** A signature that cannot be evaluated, and why. */
export interface Unusable extends SignatureName {
  readonly unusable: string;
}

const REQUIRED = ['v', 'a', 'b', 'bh', 'd', 'h', 's'];
const ALGORITHMS: ReadonlySet<string> = new Set<Algorithm>(['rsa-sha256', 'ed25519-sha256', 'rsa-sha1']);
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})+$`);
const SELECTOR = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
/** RFC 6376 §3.5: at most 12 digits, and 76. */
const TIME = /^[0-9]{1,12}$/;
const LENGTH = /^[0-9]{1,76}$/;
const LOCAL_PART =
  /^(?:(?:[\w!#$%&'*+\-/=?^`{|}~]|[^\0-\x7f])+(?:\.(?:[\w!#$%&'*+\-/=?^`{|}~]|[^\0-\x7f])+)*|"(?:[^"\\\r\n]|\\.)*")$/;

/** @param raw as it stands, in latin1 characters, without its last CRLF */
export function parseSignature(raw: string): Signature | Unusable {
  const text = decoded(raw.slice(raw.indexOf(':') + 1));
  const tags = parseTagList(text);
  const name = nameOf(tags ?? new Map());
  if (tags === undefined) return { ...name, unusable: 'signature syntax error' };
  const [header, body = 'simple'] = canonicalizations(tags.get('c') ?? '');
  const unusable = faultOf(tags, name) ?? (canonical(header, body) ? undefined : 'unknown canonicalization');
  if (unusable !== undefined) return { ...name, unusable };
  const limit = tags.get('l');
  const expires = tags.get('x');
  return {
    ...name,
    algorithm: name.algorithm as Algorithm,
    header: header as Canonicalization,
    body: body as Canonicalization,
    bodyHash: withoutSpace(tags.get('bh') as string),
    fields: namesIn(tags.get('h') as string),
    limit: limit === undefined ? undefined : Number(limit),
    expiresAt: expires === undefined ? undefined : Number(expires),
    identityDomain: tags.has('i') ? domainOf(name.identity) : undefined,
    own: withoutValue(raw),
  };
}

function nameOf(tags: TagList): SignatureName {
  const domain = aLabels(tags.get('d') ?? '');
  const identity = tags.get('i');
  return {
    domain,
    selector: tags.get('s') ?? '',
    identity: identity === undefined ? (domain === '' ? '' : `@${domain}`) : readIdentity(identity),
    algorithm: tags.get('a') ?? '',
    value: withoutSpace(tags.get('b') ?? ''),
  };
}

/** Why a signature is not evaluated: RFC 6376 §6.1.1, RFC 8301 §3.1 later. */
function faultOf(tags: TagList, { domain, selector, identity }: SignatureName): string | undefined {
  if (!ALGORITHMS.has(tags.get('a') ?? '')) return 'unknown algorithm';
  if (REQUIRED.some((tag) => !tags.has(tag))) return 'signature missing required tag';
  if (domain === '' || selector === '') return 'signature missing required tag';
  if (tags.get('v') !== '1') return 'incompatible version';
  const numbers = [tags.get('t'), tags.get('x')].every((value) => value === undefined || TIME.test(value));
  if (!numbers || !LENGTH.test(tags.get('l') ?? '0')) return 'signature syntax error';
  const names = namesIn(tags.get('h') as string);
  if (names.length === 0 || !DOMAIN.test(domain) || !SELECTOR.test(aLabels(selector)))
    return 'signature syntax error';
  const methods = tags.get('q');
  if (methods !== undefined && !namesIn(methods).includes('dns/txt')) return 'unsupported query method';
  if (tags.has('i')) {
    const at = identity.lastIndexOf('@');
    const local = identity.slice(0, Math.max(at, 0));
    if (at === -1 || (local !== '' && !LOCAL_PART.test(local)) || !DOMAIN.test(domainOf(identity)))
      return 'signature syntax error';
    if (!isWithin(domainOf(identity), domain)) return 'domain mismatch';
  }
  // §3.5: x= is greater than t=.
  if (tags.has('t') && tags.has('x') && Number(tags.get('x')) <= Number(tags.get('t')))
    return 'invalid expiration';
  // §5.4: a signature that leaves the author out says nothing about him.
  return names.includes('from') ? undefined : 'From field not signed';
}

function canonicalizations(value: string): readonly [header: string, body?: string] {
  const [header = '', body] = value.toLowerCase().split('/');
  return [
    header.trim() === '' ? 'simple' : header.trim(),
    ...(body === undefined ? [] : ([body.trim()] as const)),
  ] as [string, string?];
}

function canonical(...names: readonly string[]): boolean {
  return names.every((name) => name === 'simple' || name === 'relaxed');
}

function namesIn(list: string): readonly string[] {
  return list
    .toLowerCase()
    .split(':')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** §2.11: dkim-quoted-printable. Its octets are UTF-8; the domain is made of A-labels. */
function readIdentity(value: string): string {
  let identity = withoutSpace(value);
  if (identity.includes('=')) {
    const octets = Buffer.from(identity, 'utf8')
      .toString('latin1')
      .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    identity = Buffer.from(octets, 'latin1').toString('utf8');
  }
  const at = identity.lastIndexOf('@');
  return at === -1 ? identity : identity.slice(0, at + 1) + aLabels(identity.slice(at + 1));
}

function domainOf(identity: string): string {
  return identity.slice(identity.lastIndexOf('@') + 1);
}

export function isWithin(domain: string, parent: string): boolean {
  const [below, above] = [domain.toLowerCase(), parent.toLowerCase()];
  return below === above || below.endsWith(`.${above}`);
}

function aLabels(domain: string): string {
  if (!/[^\0-\x7f]/.test(domain)) return domain;
  const ascii = domainToASCII(domain);
  return ascii === '' ? domain : ascii;
}

/** Only where it is not ASCII is there something to decode. */
function decoded(text: string): string {
  return /[^\0-\x7f]/.test(text) ? Buffer.from(text, 'latin1').toString('utf8') : text;
}

/** §3.7: the value of `b=` is left out, and the white space around it. */
function withoutValue(raw: string): string {
  let start = raw.indexOf(':') + 1;
  while (start <= raw.length) {
    const semicolon = raw.indexOf(';', start);
    const end = semicolon === -1 ? raw.length : semicolon;
    const equals = raw.indexOf('=', start);
    if (equals !== -1 && equals < end && raw.slice(start, equals).trim() === 'b')
      return raw.slice(0, equals + 1) + raw.slice(end);
    start = end + 1;
  }
  return raw;
}
