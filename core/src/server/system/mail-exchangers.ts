// Who takes mail for a domain, from what DNS says (RFC 5321 §5.1, RFC 7505): the rule that all resolvers share.

import type { MxRecord, Resolver } from '../../contract/index.ts';

/** Best first; equals in the order of their names, so that the answer does not depend on that of the server. */
export function byPreference(records: readonly MxRecord[]): readonly MxRecord[] {
  return [...records].sort((a, b) => a.preference - b.preference || (a.exchange < b.exchange ? -1 : 1));
}

/** `Resolver.mx`, made of the two other questions. */
export async function mailExchangers(
  resolver: Pick<Resolver, 'mxRecords' | 'addresses'>,
  domain: string,
  signal?: AbortSignal,
): Promise<readonly MxRecord[]> {
  const records = await resolver.mxRecords(domain, signal);
  // RFC 7505 §3: the null MX; beside others it is a mistake that names nobody.
  if (records.length > 0) return records.filter(({ exchange }) => exchange !== '');
  const { v4, v6 } = await resolver.addresses(domain, signal);
  return v4.length + v6.length > 0 ? [{ exchange: domain.toLowerCase(), preference: 0 }] : [];
}
