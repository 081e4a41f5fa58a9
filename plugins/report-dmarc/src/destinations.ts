// Where a domain wants its reports (RFC 7489 §6.2), and whether those places want them (§7.1).

import type { Resolver } from '@posthouse/core';
import { mailtoAddress, tagsOf } from '@posthouse/core/reporting';

export interface Destination {
  readonly address: string;
  /** Octets above which it takes no message. */
  readonly limit: number;
}

/** Destinations of one record; a record with more names the first ones. */
const MAX_DESTINATIONS = 5;
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** The mail addresses of `rua=`; other schemes are left out, and so is what is no address. */
export function reportAddresses(record: string): readonly Destination[] {
  const found: Destination[] = [];
  for (const uri of (tagsOf(record).get('rua') ?? '').split(',')) {
    const [, plain = '', number, unit = ''] = /^([^!]*)(?:!(\d{1,12})([kmgt]?))?[ \t]*$/i.exec(uri) ?? [];
    const address = mailtoAddress(plain);
    if (address === undefined) continue;
    const limit =
      number === undefined ? Number.POSITIVE_INFINITY : Number(number) * (UNITS[unit.toLowerCase()] ?? 1);
    found.push({ address, limit });
    if (found.length === MAX_DESTINATIONS) break;
  }
  return found;
}

/**
 * Whether a host takes reports about a domain: its own and those below take them anyhow, others say so in DNS. Rejects
 * with `dns-unavailable` when DNS does not answer.
 */
export async function takesReports(
  host: string,
  domain: string,
  resolver: Pick<Resolver, 'txt'>,
): Promise<boolean> {
  const [there, about] = [host.toLowerCase(), domain.toLowerCase()];
  if (there === about || there.endsWith(`.${about}`)) return true;
  const answers = await resolver.txt(`${about}._report._dmarc.${there}`);
  return answers.some((answer) => /^[ \t]*v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/.test(answer));
}
