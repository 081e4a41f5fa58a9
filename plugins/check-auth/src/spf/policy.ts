// An SPF policy as it is published (RFC 7208 §4.5, §4.6.1, §5, §6): its terms, read. Pure.

import { type Address, addressOf } from './address.ts';
import { type MacroString, parseDomainSpec, parseMacroString } from './macro.ts';

export type Qualifier = 'pass' | 'fail' | 'softfail' | 'neutral';

export type Mechanism = { readonly qualifier: Qualifier } & (
  | { readonly kind: 'all' }
  | { readonly kind: 'include' | 'exists'; readonly target: MacroString }
  | { readonly kind: 'ptr'; readonly target: MacroString | undefined }
  | {
      readonly kind: 'a' | 'mx';
      readonly target: MacroString | undefined;
      readonly bits4: number;
      readonly bits6: number;
    }
  | { readonly kind: 'ip'; readonly network: Address; readonly bits: number }
);

export interface Policy {
  readonly mechanisms: readonly Mechanism[];
  readonly redirect: MacroString | undefined;
}

const QUALIFIERS = { '+': 'pass', '-': 'fail', '~': 'softfail', '?': 'neutral' } as const;
const MODIFIER = /^([a-z][a-z\d_.-]*)=(.*)$/is;
const MECHANISM = /^([+\-~?]?)([a-z\d]+)(?::(.*?))?(?:\/(\d+))?(?:\/\/(\d+))?$/is;

/** Whether a TXT record is a policy at all (§4.5). */
export function isPolicy(record: string): boolean {
  return /^v=spf1(?: |$)/i.test(record);
}

/** Undefined for a policy with an error in it: `permerror`, whatever stands before the error (§4.6). */
export function parsePolicy(record: string): Policy | undefined {
  if (/[^ -~]/.test(record)) return undefined;
  const mechanisms: Mechanism[] = [];
  const modifiers = new Map<string, MacroString>();
  for (const term of record.split(' ').slice(1)) {
    if (term === '') continue;
    const [, name, value = ''] = MODIFIER.exec(term) ?? [];
    if (name === undefined) {
      const mechanism = parseMechanism(term);
      if (mechanism === undefined) return undefined;
      mechanisms.push(mechanism);
      continue;
    }
    const known = /^(?:redirect|exp)$/i.test(name);
    const parsed = known ? parseDomainSpec(value) : parseUnknown(value);
    if (parsed === undefined) return undefined;
    if (!known) continue;
    // §6: each of the two once at most.
    if (modifiers.has(name.toLowerCase())) return undefined;
    modifiers.set(name.toLowerCase(), parsed);
  }
  return { mechanisms, redirect: modifiers.get('redirect') };
}

function parseMechanism(term: string): Mechanism | undefined {
  const [, sign = '', name = '', value, four, six] = MECHANISM.exec(term) ?? [];
  const qualifier = QUALIFIERS[(sign === '' ? '+' : sign) as keyof typeof QUALIFIERS];
  const kind = name.toLowerCase();
  const sized = four !== undefined || six !== undefined;
  if (kind === 'ip4' || kind === 'ip6') {
    const family = kind === 'ip4' ? 4 : 6;
    const network = addressOf(value ?? '');
    const bits = prefix(four, family === 4 ? 32 : 128);
    if (network?.family !== family || six !== undefined || bits === undefined) return undefined;
    return { qualifier, kind: 'ip', network, bits };
  }
  const target = value === undefined ? undefined : parseDomainSpec(value);
  if (value !== undefined && target === undefined) return undefined;
  if (kind === 'a' || kind === 'mx') {
    const bits4 = prefix(four, 32);
    const bits6 = prefix(six, 128);
    return bits4 === undefined || bits6 === undefined ? undefined : { qualifier, kind, target, bits4, bits6 };
  }
  if (sized) return undefined;
  if (kind === 'all') return value === undefined ? { qualifier, kind } : undefined;
  if (kind === 'ptr') return { qualifier, kind, target };
  if ((kind === 'include' || kind === 'exists') && target !== undefined) return { qualifier, kind, target };
  return undefined;
}

/** §5.6: a number without leading zeros; all bits where there is none. */
function prefix(written: string | undefined, most: number): number | undefined {
  if (written === undefined) return most;
  const bits = Number(written);
  return String(bits) === written && bits <= most ? bits : undefined;
}

/** §6: modifiers of the future are macro strings, too; those of explanations may stand in them. */
function parseUnknown(value: string): MacroString | undefined {
  return parseMacroString(value.replace(/%\{[crt]/gi, '%{d'));
}
