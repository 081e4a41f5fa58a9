import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeChance, fakeResolver } from '@posthouse/core/testing';
import { plainLookups } from '../src/dns/lookups.ts';
import { addressesInOrder, hostsOf, inOrder } from '../src/hosts.ts';
import { parseNextHop } from '../src/route.ts';

const resolver = fakeResolver({
  'b.example': {
    mx: [
      { exchange: 'mx3.b.example', preference: 20 },
      { exchange: 'mx1.b.example', preference: 10 },
      { exchange: 'mx2.b.example', preference: 20 },
    ],
  },
  'mx1.b.example': { a: ['192.0.2.1'], aaaa: ['2001:db8::1'] },
  'mx2.b.example': { a: ['192.0.2.2'] },
  'mx3.b.example': { a: ['192.0.2.3'] },
  'plain.example': { a: ['192.0.2.4'] },
  'null.example': [''],
  'gone.example': 'unavailable',
  'halfgone.example': ['gone.example', 'mx2.b.example'],
  'allgone.example': ['gone.example'],
  'empty.example': ['no.example', 'neither.example'],
  'six.example': { aaaa: ['2001:db8::6'] },
  'crowd.example': Array.from({ length: 30 }, (_, index) => `c${index}.example`),
  ...Object.fromEntries(
    Array.from({ length: 30 }, (_, index) => [
      `c${index}.example`,
      { a: [1, 2, 3, 4, 5, 6].map((n) => `198.51.100.${n}`) },
    ]),
  ),
});

type Self = (host: string, address: string, port: number) => boolean;
async function find(
  hop: string,
  self: Self = () => false,
  addressFamily: 'any' | 'ipv4' = 'ipv4',
): Promise<unknown> {
  const found = await hostsOf(
    parseNextHop(hop, 25) as never,
    { port: 25, addressFamily },
    {
      dns: plainLookups(resolver),
      chance: fakeChance(0),
      identity: { hostname: 'mx.a.example', isSelf: self },
    },
    new AbortController().signal,
  );
  if ('hosts' in found)
    return found.hosts.map(({ target: { host, address, port } }) => `${host} ${address} ${port}`);
  return 'status' in found.outcome ? `${found.outcome.kind} ${found.outcome.status}` : found.outcome.kind;
}

const MX1 = 'mx1.b.example 192.0.2.1 25';
const MX2 = 'mx2.b.example 192.0.2.2 25';
const MX3 = 'mx3.b.example 192.0.2.3 25';

const rows: readonly (readonly [string, string, Self | undefined, unknown])[] = [
  ['MX hosts come by preference', 'b.example', undefined, [MX1, MX3, MX2]],
  ['a domain without MX is its own host', 'plain.example', undefined, ['plain.example 192.0.2.4 25']],
  ['a null MX fails', 'null.example', undefined, 'failed 5.1.10'],
  ['nothing in DNS fails', 'nowhere.example', undefined, 'failed 5.1.2'],
  ['MX hosts without addresses fail', 'empty.example', undefined, 'failed 5.4.4'],
  ['MX hosts without addresses of the wanted family fail', 'six.example', undefined, 'failed 5.1.2'],
  ['DNS without an answer defers', 'gone.example', undefined, 'deferred 4.4.3'],
  ['no answer about the only host defers', 'allgone.example', undefined, 'deferred 4.4.3'],
  ['no answer about one host leaves the others', 'halfgone.example', undefined, [MX2]],
  [
    'a host that is ourselves by address cuts its equals and what is behind',
    'b.example',
    (_, address) => address === '192.0.2.2',
    [MX1],
  ],
  ['a host that is ourselves by name does too', 'b.example', (host) => host === 'mx3.b.example', [MX1]],
  ['the best being ourselves fails', 'b.example', (host) => host === 'mx1.b.example', 'failed 5.4.6'],
  [
    'an implicit MX that is ourselves fails',
    'plain.example',
    (_, address) => address === '192.0.2.4',
    'failed 5.4.6',
  ],
  ['a named host is taken without MX', '[mx2.b.example]:26', undefined, ['mx2.b.example 192.0.2.2 26']],
  ['an address is taken without DNS', '[192.0.2.77]:26', undefined, ['192.0.2.77 192.0.2.77 26']],
  ['a named host without an address defers', '[nowhere.example]', undefined, 'deferred 4.4.4'],
  ['no answer about a named host defers', '[gone.example]', undefined, 'deferred 4.4.3'],
  [
    'a named host that is ourselves by address and port fails',
    '[192.0.2.77]:26',
    (_, address, port) => address === '192.0.2.77' && port === 26,
    'failed 5.4.6',
  ],
  [
    'a named host that is ourselves by name alone is as the operator says',
    '[mx2.b.example]:26',
    (host) => host === 'mx2.b.example',
    ['mx2.b.example 192.0.2.2 26'],
  ],
];
for (const [name, hop, self, expected] of rows) {
  test(name, async () => assert.deepEqual(await find(hop, self), expected));
}

test('no more than ten addresses are tried, and four of one host', async () => {
  const targets = (await find('crowd.example')) as string[];
  assert.equal(targets.length, 10);
  assert.equal(targets.filter((target) => target.startsWith(`${targets[0]?.split(' ')[0]} `)).length, 4);
});

test('hosts of equal preference are drawn by chance', () => {
  const records = ['a', 'b', 'c'].map((exchange) => ({ exchange, preference: 5 }));
  assert.deepEqual(inOrder(records, fakeChance(0.99)), [['a', 'b', 'c']]);
  assert.deepEqual(inOrder(records, fakeChance(0)), [['b', 'c', 'a']]);
  assert.deepEqual(
    inOrder([...records, ...records], fakeChance(0.99)),
    [['a', 'b', 'c']],
    'a host named twice is one',
  );
});

test("the family of addresses and its order are the operator's", () => {
  const all = { v4: ['4a', '4b'], v6: ['6a'] };
  const chance = () => fakeChance(0.99);
  assert.deepEqual(addressesInOrder(all, 'ipv4', chance()), ['4a', '4b']);
  assert.deepEqual(addressesInOrder(all, 'ipv6', chance()), ['6a']);
  assert.deepEqual(addressesInOrder(all, 'ipv4-first', chance()), ['4a', '4b', '6a']);
  assert.deepEqual(addressesInOrder(all, 'ipv6-first', chance()), ['6a', '4a', '4b']);
  assert.deepEqual(addressesInOrder(all, 'any', chance()), ['4a', '6a', '4b']);
  assert.deepEqual(addressesInOrder(all, 'any', fakeChance(0.99, 0.1)), ['6a', '4a', '4b']);
});
