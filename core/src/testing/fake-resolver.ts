// DNS in the hands of a test: a table of names. Names that are not in it do not exist.

import { type MxRecord, PosthouseError, type Resolver } from '../contract/index.ts';
import { byPreference, mailExchangers } from '../server/system/mail-exchangers.ts';

export interface FakeRecords {
  /** Host names stand for preferences 10, 20, 30…; `''` alone is the null MX. */
  readonly mx?: readonly (string | MxRecord)[];
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  readonly txt?: readonly string[];
  /** For `ptr`, with the address as the name. */
  readonly ptr?: readonly string[];
}

/** A list is short for `{ mx }`; `unavailable` answers every question about the name with `dns-unavailable`. */
export type FakeName = FakeRecords | readonly string[] | 'unavailable';

export interface FakeResolver extends Resolver {
  /** Every question so far: `MX b.example`, `ADDRESS mx.b.example`, `A …`, `TXT …`, `PTR …`. */
  readonly lookups: readonly string[];
  /** Changes what is known of a name from now on. */
  set(name: string, records: FakeName): void;
}

export function fakeResolver(names: Readonly<Record<string, FakeName>> = {}): FakeResolver {
  const table = new Map(Object.entries(names).map(([name, records]) => [name.toLowerCase(), records]));
  const lookups: string[] = [];
  const ask = (type: string, name: string, signal: AbortSignal | undefined): FakeRecords => {
    lookups.push(`${type} ${name.toLowerCase()}`);
    signal?.throwIfAborted();
    const records = table.get(name.toLowerCase());
    if (records === 'unavailable')
      throw new PosthouseError('dns-unavailable', `no answer to ${type} ${name}`);
    return isMxList(records) ? { mx: records } : (records ?? {});
  };
  return {
    lookups,
    set: (name, records) => {
      table.set(name.toLowerCase(), records);
    },
    mx(domain, signal) {
      return mailExchangers(this, domain, signal);
    },
    async mxRecords(domain, signal) {
      const { mx = [] } = ask('MX', domain, signal);
      return byPreference(
        mx.map((host, index) =>
          typeof host === 'string' ? { exchange: host, preference: 10 * (index + 1) } : host,
        ),
      );
    },
    async addresses(host, signal) {
      const { a = [], aaaa = [] } = ask('ADDRESS', host, signal);
      return { v4: a, v6: aaaa };
    },
    async a(name, signal) {
      return ask('A', name, signal).a ?? [];
    },
    async txt(name, signal) {
      return ask('TXT', name, signal).txt ?? [];
    },
    async ptr(address, signal) {
      return ask('PTR', address, signal).ptr ?? [];
    },
  };
}

function isMxList(records: FakeRecords | readonly string[] | undefined): records is readonly string[] {
  return Array.isArray(records);
}
