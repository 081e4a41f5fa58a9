import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { networkOf } from '../../src/reception/networks.ts';

const cases: readonly (readonly [address: string, ipv4Prefix: number, network: string])[] = [
  ['192.0.2.130', 24, '192.0.2.0/24'],
  ['192.0.2.130', 25, '192.0.2.128/25'],
  ['192.0.2.130', 32, '192.0.2.130/32'],
  ['255.255.255.255', 1, '128.0.0.0/1'],
  ['255.255.255.255', 0, '0.0.0.0/0'],
  ['::ffff:192.0.2.130', 24, '192.0.2.0/24'],
  ['2001:db8:1:2:3:4:5:6', 24, '2001:db8:1:2:0:0:0:0/64'],
  ['2001:db8::1', 24, '2001:db8:0:0:0:0:0:0/64'],
  ['fe80::1%eth0', 24, 'fe80:0:0:0:0:0:0:0/64'],
  ['unix:/run/posthouse', 24, 'unix:/run/posthouse'],
];

describe('networkOf', () => {
  for (const [address, ipv4Prefix, network] of cases)
    it(`names the network of ${address} by ${ipv4Prefix} bits ${network}`, () => {
      assert.equal(networkOf(address, { ipv4Prefix, ipv6Prefix: 64 }), network);
    });

  it('keeps the leading bits of every IPv4 address, and no others', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(
        fc.tuple(octet, octet, octet, octet),
        fc.integer({ min: 0, max: 32 }),
        (octets, ipv4Prefix) => {
          const bits = octets.map((each) => each.toString(2).padStart(8, '0')).join('');
          const kept = bits.slice(0, ipv4Prefix).padEnd(32, '0');
          const network = [0, 8, 16, 24].map((at) => Number.parseInt(kept.slice(at, at + 8), 2)).join('.');
          assert.equal(
            networkOf(octets.join('.'), { ipv4Prefix, ipv6Prefix: 64 }),
            `${network}/${ipv4Prefix}`,
          );
        },
      ),
    );
  });
});
