// The one spelling of an address on the list: small letters, the domain as DNS has it. `@example.org` is a whole domain.

import { domainToASCII } from 'node:url';
import { parseMailbox } from '@posthouse/core';

export interface Address {
  readonly local: string;
  readonly domain: string;
}

/** RFC 5321 §2.4 lets a host tell `Ann` from `ann`; none does that refuses mail for good. */
export function keyOf({ local, domain }: Address): string {
  return `${local.toLowerCase()}${domainKey(domain)}`;
}

/** Without the domains below it. U-labels and A-labels of one name are one (RFC 5890 §2.3.2.1). */
export function domainKey(domain: string): string {
  return `@${(/[^ -~]/.test(domain) ? domainToASCII(domain) || domain : domain).toLowerCase()}`;
}

/** Of what an operator writes; undefined when it is neither an address nor `@domain`. */
export function keyOfText(text: string): string | undefined {
  if (text.startsWith('@'))
    return parseMailbox(`x${text}`, { smtputf8: true }) === undefined ? undefined : domainKey(text.slice(1));
  const address = parseMailbox(text, { smtputf8: true });
  return address === undefined ? undefined : keyOf(address);
}
