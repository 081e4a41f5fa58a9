import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TrustedNetworks } from '../../src/reception/trusted-networks.ts';

const table: readonly (readonly [networks: readonly string[], address: string, trusted: boolean])[] = [
  [['127.0.0.0/8'], '127.255.255.255', true],
  [['127.0.0.0/8'], '128.0.0.0', false],
  [['127.0.0.0/8'], '::ffff:127.0.0.1', true],
  [['127.0.0.0/8'], '::FFFF:127.0.0.1', true],
  [['127.0.0.0/8'], '::127.0.0.1', false],
  [['10.1.2.3'], '10.1.2.3', true],
  [['10.1.2.3'], '10.1.2.4', false],
  [['10.1.2.3/24'], '10.1.2.200', true],
  [['::1/128'], '::1', true],
  [['::1'], '0:0:0:0:0:0:0:1', true],
  [['::1'], '::2', false],
  [['::1'], '127.0.0.1', false],
  [['2001:db8::/32'], '2001:db8:ffff::1', true],
  [['2001:db8::/32'], '2001:db9::1', false],
  [['fe80::/10'], 'fe80::1%eth0', true],
  [['::ffff:10.0.0.0/104'], '10.1.1.1', true],
  [['::ffff:10.0.0.0/104'], '11.1.1.1', false],
  [['::ffff:10.0.0.1'], '10.0.0.1', true],
  [['127.0.0.0/8', '192.0.2.0/24'], '192.0.2.77', true],
  [['127.0.0.0/8'], '', false],
  [['127.0.0.0/8'], 'localhost', false],
];

for (const [networks, address, trusted] of table) {
  test(`"${address}" is ${trusted ? '' : 'not '}in ${networks.join(', ')}`, () => {
    assert.equal(new TrustedNetworks(networks).has(address), trusted);
  });
}

const bad: readonly (readonly [entry: string, complaint: RegExp])[] = [
  ['localhost', /networks\[1\] "localhost" is not an IP network/],
  ['10.0.0/8', /"10\.0\.0\/8" is not an IP network/],
  ['10.0.0.0/33', /"10\.0\.0\.0\/33" has no prefix length between 0 and 32/],
  ['10.0.0.0/-1', /prefix length/],
  ['10.0.0.0/', /prefix length/],
  ['10.0.0.0/8/8', /is not an IP network/],
  ['::1/129', /between 0 and 128/],
  ['::ffff:10.0.0.0/24', /prefix length/],
  ['fe80::1%eth0', /is not an IP network/],
  ['0.0.0.0/0', /open relay/],
  ['::/0', /open relay/],
  ['', /is not an IP network/],
];

for (const [entry, complaint] of bad) {
  test(`the entry "${entry}" is refused by name`, () => {
    assert.throws(
      () => new TrustedNetworks(['127.0.0.1', entry]),
      (error: { code: string; message: string }) => {
        assert.equal(error.code, 'config-invalid');
        assert.match(error.message, complaint);
        return true;
      },
    );
  });
}

test('more addresses than answers are kept for are answered all the same', () => {
  const networks = new TrustedNetworks(['10.0.0.0/16']);
  for (let round = 0; round < 2; round++)
    for (let number = 0; number < 5000; number++) {
      const address = `10.${number % 2}.${number >> 8}.${number & 255}`;
      assert.equal(networks.has(address), number % 2 === 0);
    }
});
