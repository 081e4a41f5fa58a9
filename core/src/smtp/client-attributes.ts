// XCLIENT and XFORWARD: what a trusted client says of the one that it speaks for (Postfix's extensions, as its
// XCLIENT_README and XFORWARD_README describe them).

import { isAddressLiteral } from './domain.ts';
import type { Fault } from './reply.ts';
import { parseXtext } from './xtext.ts';

/** null: the value is not to be had, now or ever. What was not mentioned is left as it is. */
export interface ClientAttributes {
  readonly name?: string | null;
  /** IPv4 or IPv6, without brackets or prefix. */
  readonly address?: string | null;
  readonly port?: number | null;
  readonly protocol?: 'SMTP' | 'ESMTP';
  readonly helo?: string | null;
  readonly login?: string | null;
  readonly destinationAddress?: string | null;
  readonly destinationPort?: number | null;
}

export interface ForwardedAttributes {
  readonly name?: string | null;
  /** As the client before wrote it: it need not be an IP address. */
  readonly address?: string | null;
  readonly port?: number | null;
  readonly protocol?: string | null;
  readonly helo?: string | null;
  /** What the client before calls the message. */
  readonly ident?: string | null;
  readonly source?: 'LOCAL' | 'REMOTE' | null;
}

type Value = string | number | null;
/** Undefined where the text is no such value. */
type Reader = (text: string) => Value | undefined;
type Table = Readonly<Record<string, readonly [member: string, read: Reader]>>;

const XCLIENT: Table = {
  NAME: ['name', hostName],
  ADDR: ['address', ipAddress],
  PORT: ['port', port],
  PROTO: ['protocol', protocol],
  HELO: ['helo', hostName],
  LOGIN: ['login', words],
  DESTADDR: ['destinationAddress', ipAddress],
  DESTPORT: ['destinationPort', port],
};

const XFORWARD: Table = {
  NAME: ['name', words],
  ADDR: ['address', words],
  PORT: ['port', port],
  PROTO: ['protocol', words],
  HELO: ['helo', words],
  IDENT: ['ident', words],
  SOURCE: ['source', source],
};

/** For EHLO: the attributes that are understood. */
export const XCLIENT_KEYWORD = `XCLIENT ${Object.keys(XCLIENT).join(' ')}`;
export const XFORWARD_KEYWORD = `XFORWARD ${Object.keys(XFORWARD).join(' ')}`;

export function parseXclient(argument: string): ClientAttributes | { readonly fault: Fault } {
  return parse('XCLIENT', argument, XCLIENT);
}

export function parseXforward(argument: string): ForwardedAttributes | { readonly fault: Fault } {
  return parse('XFORWARD', argument, XFORWARD);
}

/** 1*( SP attribute-name "=" xtext ), names in any case; of an attribute that stands twice the last one counts. */
function parse(verb: string, argument: string, table: Table): object | { readonly fault: Fault } {
  const attributes: Record<string, Value> = {};
  for (const pair of argument.split(' ')) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, Math.max(0, equals)).toUpperCase();
    const known = Object.hasOwn(table, name) ? table[name] : undefined;
    if (known === undefined)
      return badArgument(equals === -1 ? `Syntax: ${verb} attribute=value …` : `${name}: no such attribute`);
    const [member, read] = known;
    const value = read(parseXtext(pair.slice(equals + 1)) ?? '');
    if (value === undefined) return badArgument(`${name}: not a value of it`);
    attributes[member] = value;
  }
  return attributes;
}

/** `[TEMPUNAVAIL]`: a lookup that may succeed later. For us it is as unknown as the other. */
function isUnavailable(text: string): boolean {
  const word = text.toUpperCase();
  return word === '[UNAVAILABLE]' || word === '[TEMPUNAVAIL]';
}

// Printable, and no longer than a domain may be.
const WORDS = /^[\x20-\x7e]{1,255}$/;
const HOST_NAME = /^[A-Za-z0-9._:[\]-]{1,255}$/;

function words(text: string): Value | undefined {
  if (isUnavailable(text)) return null;
  return WORDS.test(text) ? text : undefined;
}

function hostName(text: string): Value | undefined {
  if (isUnavailable(text)) return null;
  return HOST_NAME.test(text) ? text : undefined;
}

function ipAddress(text: string): Value | undefined {
  if (isUnavailable(text)) return null;
  if (!isAddressLiteral(`[${text}]`)) return undefined;
  return text.slice(0, 5).toUpperCase() === 'IPV6:' ? text.slice(5).toLowerCase() : text;
}

function port(text: string): Value | undefined {
  if (isUnavailable(text)) return null;
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

function protocol(text: string): Value | undefined {
  const word = text.toUpperCase();
  return word === 'SMTP' || word === 'ESMTP' ? word : undefined;
}

function source(text: string): Value | undefined {
  if (isUnavailable(text)) return null;
  const word = text.toUpperCase();
  return word === 'LOCAL' || word === 'REMOTE' ? word : undefined;
}

function badArgument(text: string): { readonly fault: Fault } {
  return { fault: { code: 501, status: '5.5.4', text } };
}
