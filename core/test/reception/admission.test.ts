import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Limits } from '../../src/contract/index.ts';
import { Admission, OwnTallies } from '../../src/reception/index.ts';
import { isLoopback, networkOf } from '../../src/reception/networks.ts';
import { fakeClock } from '../../src/testing/index.ts';

const LIMITS = {
  connections: 1000,
  connectionsPerAddress: 50,
  connectionsPerNetwork: 200,
  connectionsPerMinute: 300,
  ipv4Prefix: 24,
  ipv6Prefix: 64,
} as Limits;

function admission(limits: Partial<Limits>) {
  const clock = fakeClock(0);
  return { clock, door: new Admission({ ...LIMITS, ...limits }, new OwnTallies(clock)) };
}

test('connections are bounded in all, and whoever leaves makes room', () => {
  const { door } = admission({ connections: 2 });
  assert.equal(door.enter('192.0.2.1'), undefined);
  assert.equal(door.enter('127.0.0.1'), undefined);
  assert.equal(door.enter('127.0.0.1'), 'too-many');
  door.leave('192.0.2.1');
  assert.equal(door.enter('2001:db8::1'), undefined);
  assert.equal(door.total, 2);
});

test('connections are bounded for each address', () => {
  const { door } = admission({ connectionsPerAddress: 1 });
  assert.equal(door.enter('192.0.2.1'), undefined);
  assert.equal(door.enter('192.0.2.1'), 'too-many-from-address');
  assert.equal(door.enter('192.0.2.2'), undefined);
  door.leave('192.0.2.1');
  assert.equal(door.enter('192.0.2.1'), undefined);
});

test('connections are bounded for each network, of which the configuration says how large it is', () => {
  const { door } = admission({ connectionsPerNetwork: 2, ipv6Prefix: 48 });
  assert.equal(door.enter('192.0.2.1'), undefined);
  assert.equal(door.enter('::ffff:192.0.2.77'), undefined);
  assert.equal(door.enter('192.0.2.3'), 'too-many-from-network');
  assert.equal(door.enter('192.0.3.3'), undefined);
  assert.equal(door.enter('2001:db8:0:1::1'), undefined);
  assert.equal(door.enter('2001:db8:0:2::1'), undefined);
  assert.equal(door.enter('2001:db8:0:3::1'), 'too-many-from-network');
  door.leave('2001:db8:0:1::1');
  assert.equal(door.enter('2001:db8:0:3::1'), undefined);
});

test('new connections are bounded within any minute, though none stays', async () => {
  const { door, clock } = admission({ connectionsPerMinute: 10 });
  const come = (): string | undefined => {
    const refusal = door.enter('192.0.2.1');
    if (refusal === undefined) door.leave('192.0.2.1');
    return refusal;
  };
  await clock.advance(55_000);
  for (let count = 0; count < 10; count++) assert.equal(come(), undefined);
  assert.equal(come(), 'too-often');
  await clock.advance(10_000);
  assert.equal(come(), 'too-often', 'the turn of the minute forgets nothing');
  await clock.advance(60_000);
  assert.equal(come(), undefined);
});

test('IPv6 addresses of one network share their count within the minute', () => {
  const { door } = admission({ connectionsPerMinute: 2 });
  assert.equal(door.enter('2001:db8::1'), undefined);
  assert.equal(door.enter('2001:db8::2'), undefined);
  assert.equal(door.enter('2001:db8::3'), 'too-often');
  assert.equal(door.enter('2001:db8:0:1::3'), undefined);
});

test('loopback is counted in all and nowhere else', () => {
  const { door } = admission({ connectionsPerAddress: 1, connectionsPerNetwork: 1, connectionsPerMinute: 1 });
  for (const address of ['127.0.0.1', '127.0.0.1', '::1', '::ffff:127.0.0.9'])
    assert.equal(door.enter(address), undefined, address);
  assert.equal(door.total, 4);
});

const NETWORKS: readonly (readonly [string, number, number, string])[] = [
  ['192.0.2.130', 24, 64, '192.0.2.0/24'],
  ['192.0.2.130', 25, 64, '192.0.2.128/25'],
  ['192.0.2.130', 32, 64, '192.0.2.130/32'],
  ['255.255.255.255', 9, 64, '255.128.0.0/9'],
  ['::ffff:192.0.2.130', 24, 64, '192.0.2.0/24'],
  ['2001:db8::1', 24, 64, '2001:db8:0:0:0:0:0:0/64'],
  ['2001:db8:1:ffff::1', 24, 52, '2001:db8:1:f000:0:0:0:0/52'],
  ['::', 24, 128, '0:0:0:0:0:0:0:0/128'],
  ['fe80::1%eth0', 24, 128, 'fe80:0:0:0:0:0:0:1/128'],
  ['64:ff9b::192.0.2.33', 24, 128, '64:ff9b:0:0:0:0:c000:221/128'],
  ['1:2:3:4:5:6:7:8', 24, 128, '1:2:3:4:5:6:7:8/128'],
  ['', 24, 64, ''],
];

test('the network of an address', () => {
  for (const [address, ipv4Prefix, ipv6Prefix, network] of NETWORKS)
    assert.equal(networkOf(address, { ipv4Prefix, ipv6Prefix }), network);
});

test('which addresses are this machine', () => {
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) assert.ok(isLoopback(address));
  for (const address of ['128.0.0.1', '::2', '::ffff:1.2.3.4', '127.0.0.1.example'])
    assert.ok(!isLoopback(address));
});
