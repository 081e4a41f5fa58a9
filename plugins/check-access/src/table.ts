// Tables of entries, read from the formats that administrators have: one entry a line, Postfix access(5), Postfix
// cidr_table(5). Reading names every faulty line; asking is a few look-ups in a map. Pure.

import { isIP } from 'node:net';
import { networkOf, unmapped } from '@posthouse/core';
import { type Action, parseAction } from './action.ts';
import { Networks } from './networks.ts';

export type Format = 'list' | 'access' | 'cidr';
export type Kind = 'client' | 'country' | 'helo' | 'sender' | 'recipient' | 'header';

/** What is looked up, in the order of asking. */
export interface Table {
  readonly size: number;
  /** The action of the first key that the table knows. */
  find(keys: readonly string[]): Action | undefined;
  /** For tables of addresses. */
  findAddress(address: string): Action | undefined;
  /** For lists of texts: the action of the first that stands in the value. */
  findWithin(value: string): Action | undefined;
}

export interface Source {
  readonly text: string;
  /** For messages: the file's name, or the place in the configuration. */
  readonly name: string;
}

export type Reading = { readonly table: Table } | { readonly problems: readonly string[] };

interface Line {
  readonly number: number;
  readonly text: string;
}

/** @param action of the entries of a list */
export function readTable(source: Source, format: Format, kind: Kind, action: Action): Reading {
  const keys = new Map<string, Action>();
  const networks = new Networks();
  const problems: string[] = [];
  const wrong = ({ number }: Line, why: string): void => {
    problems.push(`${source.name}:${number} ${why}`);
  };
  for (const line of linesOf(source.text, format)) {
    const [, pattern = '', rest = ''] =
      format === 'list' ? ['', line.text] : (/^(\S+)\s*(.*)$/.exec(line.text) ?? []);
    const own = format === 'list' ? action : parseAction(rest);
    if (typeof own === 'string') {
      wrong(line, own);
      continue;
    }
    const isNetwork = format === 'cidr' || pattern.includes('/') || isIP(pattern) !== 0;
    const fault =
      faultOf(pattern, format, kind) ??
      (kind === 'client' && isNetwork ? networks.add(pattern, own) : undefined);
    if (fault !== undefined) wrong(line, fault);
    else if ((kind !== 'client' || !isNetwork) && !keys.has(pattern.toLowerCase()))
      keys.set(pattern.toLowerCase(), own);
  }
  return problems.length > 0 ? { problems } : { table: new KeyTable(keys, networks) };
}

class KeyTable implements Table {
  readonly #keys: ReadonlyMap<string, Action>;
  readonly #networks: Networks;

  constructor(keys: ReadonlyMap<string, Action>, networks: Networks) {
    this.#keys = keys;
    this.#networks = networks;
  }

  get size(): number {
    return this.#keys.size + this.#networks.size;
  }

  find(keys: readonly string[]): Action | undefined {
    for (const key of keys) {
      const action = this.#keys.get(key);
      if (action !== undefined) return action;
    }
    return undefined;
  }

  findAddress(address: string): Action | undefined {
    return this.#networks.find(address);
  }

  findWithin(value: string): Action | undefined {
    const small = value.toLowerCase();
    for (const [text, action] of this.#keys) if (small.includes(text)) return action;
    return undefined;
  }
}

/** Without comments; access(5) and cidr_table(5) continue a line on one that begins with white space. */
function linesOf(text: string, format: Format): readonly Line[] {
  const lines: { number: number; text: string }[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(raw)) continue;
    const last = lines.at(-1);
    if (format !== 'list' && /^\s/.test(raw) && last !== undefined) last.text += ` ${raw.trim()}`;
    else lines.push({ number: index + 1, text: raw.trim() });
  }
  return lines;
}

function faultOf(pattern: string, format: Format, kind: Kind): string | undefined {
  if (format === 'cidr') {
    if (kind !== 'client') return 'a cidr table is one of clients';
    if (/^(if|endif)$/i.test(pattern) || pattern.startsWith('!'))
      return `"${pattern}" is not understood here; write the networks in the order in which they should be found`;
    return undefined;
  }
  if (kind === 'country' && !/^[a-z]{2}$/i.test(pattern))
    return `"${pattern}" is not a country of two letters`;
  if ((kind === 'sender' || kind === 'recipient' || kind === 'helo') && /\s/.test(pattern))
    return `"${pattern}" is not an address or a domain`;
  if (/^\/.*\/[a-z]*$/.test(pattern))
    return 'regular expressions are not for check-access: hostile mail can make them run for hours';
  return undefined;
}

/** access(5), "HOST NAME/ADDRESS PATTERNS": the name and the domains above it, the address and the networks around it. */
export function clientKeys(address: string, name: string | undefined): readonly string[] {
  const plain = unmapped(address).toLowerCase();
  const names = name === undefined ? [] : [...domainKeys(name.toLowerCase())];
  if (isIP(plain) === 4) {
    const octets = plain.split('.');
    return [...names, plain, ...[3, 2, 1].map((count) => octets.slice(0, count).join('.'))];
  }
  // As access(5) has it: groups without leading zeros, cut at a colon.
  const groups = networkOf(plain, { ipv4Prefix: 32, ipv6Prefix: 128 }).replace('/128', '').split(':');
  return [...names, plain, ...[7, 6, 5, 4, 3, 2, 1].map((count) => groups.slice(0, count).join(':'))];
}

/** access(5), "EMAIL ADDRESS PATTERNS". */
export function addressKeys(
  { local, domain }: { readonly local: string; readonly domain: string },
  delimiter: string | undefined,
): readonly string[] {
  const small = local.toLowerCase();
  const at = delimiter === undefined ? -1 : small.indexOf(delimiter);
  const locals = at > 0 ? [small, small.slice(0, at)] : [small];
  return [
    ...locals.map((each) => `${each}@${domain}`),
    ...domainKeys(domain),
    ...locals.map((each) => `${each}@`),
  ];
}

/** The domain, and what is above it, also with the dot in front that some write. */
export function* domainKeys(domain: string): Iterable<string> {
  yield domain;
  for (let dot = domain.indexOf('.'); dot !== -1; dot = domain.indexOf('.', dot + 1)) {
    yield domain.slice(dot);
    yield domain.slice(dot + 1);
  }
}
