// Which addresses are ours: domains, the mailboxes listed for them, and what stands for a mailbox in each.

import { domainToASCII } from 'node:url';
import { type Mailbox, mailbox, PosthouseError } from '@posthouse/core';

/**
 * `known`: a mailbox of ours. `unknown`: our domain, no such mailbox. `routed`: our domain, but the local part asks
 * us to pass the message on to somewhere else. `foreign`: not our domain.
 */
export type Finding = 'known' | 'unknown' | 'routed' | 'foreign';

/** Takes every local part. */
const ANY = null;

export class Directory {
  readonly #domains = new Map<string, Set<string> | typeof ANY>();
  readonly #delimiter: string | undefined;

  constructor(domains: readonly string[], delimiter: string | undefined) {
    for (const [index, domain] of domains.entries())
      this.#domains.set(domainKey(domain, `domains[${index}]`), ANY);
    this.#delimiter = delimiter;
  }

  /** From now on the domain takes only what is added. `where` names the place in the configuration, for the error. */
  list(domain: string, where: string): void {
    const key = domainKey(domain, where);
    const list = this.#domains.get(key);
    if (list === undefined)
      throw new PosthouseError('config-invalid', `${where}: ${domain} is not among the domains`);
    if (list === ANY) this.#domains.set(key, new Set());
  }

  /** Adds a mailbox to a listed domain. */
  add(local: string, domain: string, where: string): void {
    if (local === '' || local.includes('@')) {
      throw new PosthouseError(
        'config-invalid',
        `${where}: "${local}" is not a local part; leave out the domain`,
      );
    }
    this.list(domain, where);
    this.#domains.get(domainKey(domain, where))?.add(localKey(local));
  }

  find({ local, domain }: Mailbox): Finding {
    const key = localKey(local);
    // RFC 5321 §4.5.1: postmaster is there in every domain, and without one.
    if (domain === '') return key === 'postmaster' ? 'known' : 'foreign';
    const list = this.#domains.get(ascii(domain));
    if (list === undefined) return 'foreign';
    const base = this.#withoutDetail(key);
    if (key === 'postmaster' || base === 'postmaster') return 'known';
    // A relay behind us might read `user%elsewhere`, `elsewhere!user` and "user@elsewhere" as a wish to be relayed.
    if (list === ANY) return /[@%!]/.test(local) ? 'routed' : 'known';
    return list.has(key) || (base !== undefined && list.has(base)) ? 'known' : 'unknown';
  }

  #withoutDetail(local: string): string | undefined {
    if (this.#delimiter === undefined) return undefined;
    const at = local.indexOf(this.#delimiter);
    return at > 0 ? local.slice(0, at) : undefined;
  }
}

/** RFC 5321 §2.4 leaves the case of local parts to us, the final host. */
function localKey(local: string): string {
  return local.normalize('NFC').toLowerCase();
}

function domainKey(domain: string, where: string): string {
  try {
    return ascii(mailbox(`postmaster@${domain}`).domain);
  } catch (cause) {
    throw new PosthouseError('config-invalid', `${where}: "${domain}" is not a domain name`, { cause });
  }
}

/** U-labels and A-labels of the same name are the same domain (RFC 5890 §2.3.2.1). */
function ascii(domain: string): string {
  return /[^ -~]/.test(domain) ? domainToASCII(domain) || domain : domain;
}
