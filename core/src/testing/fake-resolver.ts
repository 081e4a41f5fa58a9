// DNS in the hands of a test: names with their records, names that DNS cannot tell about, and a count of look-ups.

import { type MxRecord, PosthouseError, type Resolver } from '../contract/index.ts';

export interface FakeRecords {
  /** Hosts by falling preference (10, 20, …), or records. `['']` is a null MX. */
  readonly mx?: readonly (string | MxRecord)[];
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  readonly txt?: readonly string[];
  /** For an address as name. */
  readonly ptr?: readonly string[];
}

/** A name's MX hosts, all its records, or that DNS has no answer. What is not listed does not exist. */
export type FakeZone = Readonly<Record<string, readonly string[] | FakeRecords | 'unavailable'>>;

export interface FakeResolver extends Resolver {
  /** `MX b.example`, in the order of asking. */
  readonly lookups: readonly string[];
}

export function fakeResolver(zone: FakeZone): FakeResolver {
  const names = new Map(Object.entries(zone));
  const lookups: string[] = [];
  const records = (type: string, name: string): FakeRecords => {
    lookups.push(`${type} ${name}`);
    const found = names.get(name.toLowerCase());
    if (found === 'unavailable') throw new PosthouseError('dns-unavailable', `DNS has no answer for ${type} of ${name}`);
    return Array.isArray(found) ? { mx: found } : ((found as FakeRecords | undefined) ?? {});
  };
  const mxRecords = async (domain: string): Promise<readonly MxRecord[]> =>
    (records('MX', domain).mx ?? [])
      .map((each, index) => (typeof each === 'string' ? { exchange: each, preference: (index + 1) * 10 } : each))
      .sort((a, b) => a.preference - b.preference);
  const addresses = async (host: string): Promise<{ v4: readonly string[]; v6: readonly string[] }> => {
    const { a = [], aaaa = [] } = records('A', host);
    return { v4: a, v6: aaaa };
  };
  return {
    lookups,
    mxRecords,
    addresses,
    async mx(domain) {
      const published = await mxRecords(domain);
      if (published.length > 0) return published.filter(({ exchange }) => exchange !== '');
      const { v4, v6 } = await addresses(domain);
      return v4.length + v6.length > 0 ? [{ exchange: domain, preference: 0 }] : [];
    },
    async txt(name) {
      return records('TXT', name).txt ?? [];
    },
    async ptr(address) {
      return records('PTR', address).ptr ?? [];
    },
  };
}
