// What mail is known by: the network it comes from, its sender and its recipient. Pure.

import { type Mailbox, networkOf, type ReversePath } from '@posthouse/core';

export interface Triplet {
  readonly network: string;
  readonly sender: string;
  readonly recipient: string;
}

export interface Prefixes {
  readonly ipv4Prefix: number;
  readonly ipv6Prefix: number;
}

export function tripletOf(
  address: string,
  sender: ReversePath,
  recipient: Mailbox,
  prefixes: Prefixes,
): Triplet {
  return {
    network: networkOf(address, prefixes),
    sender: sender === null ? '' : lastingSender(sender),
    recipient: recipient.toString().toLowerCase(),
  };
}

/** List servers and forwarders put a number or a hash into each sender: what changes from mail to mail is left out. */
function lastingSender({ local, domain }: Mailbox): string {
  const lower = local.toLowerCase();
  if (!/[\d+=]/.test(lower)) return `${lower}@${domain}`;
  const lasting = lower
    // BATV and SRS
    .replace(/^prvs=[^=]*=/, '')
    .replace(/^(srs[01])([=+-]).*$/, '$1$2')
    // VERP and details: `list-bounces+ann=example.org`
    .replace(/(?<=.)\+.*$/, '')
    .replace(/\d+/g, '#');
  return `${lasting}@${domain}`;
}

/** Addresses in the forms of the configuration: `ann@example.org`, `ann@`, `example.org`, `.example.org`. */
export class AddressList {
  readonly #exact = new Set<string>();
  readonly #below: string[] = [];

  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const written = entry.toLowerCase();
      if (written.startsWith('.')) this.#below.push(written);
      else this.#exact.add(written);
    }
  }

  has({ local, domain }: Mailbox): boolean {
    const small = local.toLowerCase();
    return (
      this.#exact.has(domain) ||
      this.#exact.has(`${small}@${domain}`) ||
      this.#exact.has(`${small}@`) ||
      this.#below.some((suffix) => domain.endsWith(suffix))
    );
  }
}
