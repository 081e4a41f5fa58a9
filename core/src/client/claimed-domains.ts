// The domains that a transport claims, whatever spelling they have in its configuration or in an address.

import { domainToASCII } from 'node:url';
import { PosthouseError } from '../contract/index.ts';
import { mailbox } from '../smtp/index.ts';

export class ClaimedDomains {
  readonly #domains: ReadonlySet<string>;
  readonly #first: string;

  /** Throws `config-invalid`. @param domains as configured, at least one */
  constructor(domains: readonly string[]) {
    const keys = domains.map((domain, index) => domainKey(domain, `domains[${index}]`));
    this.#domains = new Set(keys);
    this.#first = keys[0] ?? '';
  }

  /** The one of our domains that this is, in one spelling; undefined when it is none. The bare postmaster is the first's. */
  find(domain: string): string | undefined {
    if (domain === '') return this.#first;
    const key = asciiDomain(domain);
    return this.#domains.has(key) ? key : undefined;
  }
}

/** U-labels and A-labels of the same name are the same domain (RFC 5890 §2.3.2.1). */
export function asciiDomain(domain: string): string {
  return /[^ -~]/.test(domain) ? domainToASCII(domain) || domain : domain;
}

/** The local part without what stands behind the delimiter (`info+news`, RFC 5233 §1); nothing before it is no name. */
export function withoutDetail(local: string, delimiter: string | undefined): string {
  const at = delimiter === undefined ? -1 : local.indexOf(delimiter);
  return at > 0 ? local.slice(0, at) : local;
}

function domainKey(domain: string, where: string): string {
  try {
    return asciiDomain(mailbox(`postmaster@${domain}`).domain);
  } catch (cause) {
    throw new PosthouseError('config-invalid', `${where}: "${domain}" is not a domain name`, { cause });
  }
}
