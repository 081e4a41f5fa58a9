// The public test suite of RFC 7208 (openspf.org, release 2014.04), from the sources of pyspf; its licence lies beside
// it. Every result is held; the texts of `exp=` are not, since nobody is shown them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PosthouseError, type Resolver } from '@posthouse/core';
import { fakeClock } from '@posthouse/core/testing';
import { parseAllDocuments } from 'yaml';
import { checkSpf } from '../src/check.ts';
import { Lookups } from '../src/lookups.ts';
import { Policies } from '../src/spf/check-host.ts';

type Entry = 'TIMEOUT' | { readonly [type: string]: unknown };
interface Scenario {
  readonly description: string;
  readonly tests: Readonly<Record<string, Case>>;
  readonly zonedata: Readonly<Record<string, readonly Entry[]>>;
}
interface Case {
  readonly helo: string;
  readonly host: string;
  readonly mailfrom: string;
  readonly result: string | readonly string[];
}

const file = new URL('../../test/rfc7208/rfc7208-tests.yml', import.meta.url);
const scenarios = parseAllDocuments(readFileSync(fileURLToPath(file), 'utf8')).map(
  (document) => document.toJS() as Scenario,
);

/** DNS as the suite describes it: SPF entries stand for TXT ones where a name has none, TIMEOUT for silence. */
function resolverOf(zonedata: Scenario['zonedata']): Resolver {
  const zone = new Map(Object.entries(zonedata).map(([name, entries]) => [name.toLowerCase(), entries]));
  const records = (name: string, type: string, hops = 0): unknown[] => {
    const entries = zone.get(name.toLowerCase().replace(/\.$/, '')) ?? [];
    const found: unknown[] = [];
    for (const entry of entries) {
      if (entry === 'TIMEOUT') continue;
      if ('CNAME' in entry && hops < 10) return records(String(entry.CNAME), type, hops + 1);
      if (type in entry) found.push(entry[type]);
    }
    const written = found.filter((value) => value !== 'NONE');
    const silent = found.includes('TIMEOUT') || (written.length === 0 && entries.includes('TIMEOUT'));
    if (silent) throw new PosthouseError('dns-unavailable', `no answer to ${type} ${name}`);
    return found;
  };
  const mxRecords = async (name: string) =>
    (records(name, 'MX') as [number, string][]).map(([preference, exchange]) => ({ exchange, preference }));
  return {
    mx: mxRecords,
    mxRecords,
    a: async (name) => records(name, 'A') as string[],
    addresses: async (name) => ({
      v4: records(name, 'A') as string[],
      v6: records(name, 'AAAA') as string[],
    }),
    async txt(name) {
      const own = records(name, 'TXT');
      const used = own.length > 0 ? own.filter((text) => text !== 'NONE') : records(name, 'SPF');
      return used.map((text) => (Array.isArray(text) ? text.join('') : String(text)));
    },
    async ptr(address) {
      const name = reverse(address);
      return name === undefined ? [] : (records(name, 'PTR') as string[]);
    },
  };
}

/** Names of the suite's own clients: its IPv6 ones are written with `::`. */
function reverse(address: string): string | undefined {
  if (!address.includes(':')) return `${address.split('.').reverse().join('.')}.in-addr.arpa`;
  const [head = '', tail = ''] = address.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...new Array<string>(missing).fill('0'), ...groups(tail)];
  const nibbles = all.map((group) => group.padStart(4, '0')).join('');
  return `${[...nibbles].reverse().join('.')}.ip6.arpa`;
}

const policies = new Policies();

test('the suite is whole', () => {
  const cases = scenarios.flatMap(({ tests }) => Object.keys(tests));
  assert.deepEqual([scenarios.length, cases.length], [16, 203]);
});

for (const { description, tests, zonedata } of scenarios) {
  describe(description, () => {
    const resolver = resolverOf(zonedata ?? {});
    for (const [name, { helo, host, mailfrom, result }] of Object.entries(tests)) {
      test(name, async () => {
        const lookups = new Lookups(resolver, fakeClock(), { time: 8000, lookups: 100 }, host);
        const question = { sender: mailfrom, client: host, helo };
        const found = await checkSpf(policies, question, lookups);
        const expected = typeof result === 'string' ? [result] : result;
        assert.ok(expected.includes(found.result), `${found.result}, not ${expected.join(' or ')}`);
      });
    }
  });
}
