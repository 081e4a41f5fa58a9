// Where connections come from, and under which name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scriptedHop } from '@posthouse/core/testing';
import { parseNextHop } from '../src/route.ts';
import { Sources, strangers } from '../src/sources.ts';
import { kind, relay } from './relay.ts';

const FOUR = ['127.0.0.11', '127.0.0.12', '127.0.0.13'];
const pool = (addresses: readonly string[], choose: 'hash' | 'round-robin') => ({
  addresses: addresses.map((address) => ({ address, helo: `out-${address}.a.example` })),
  choose,
});

function chosen(sources: Sources, hop: string, address = '192.0.2.1'): string {
  const found = sources.applyTo(
    { targets: [{ host: 'mx', address, port: 25 }] },
    parseNextHop(hop, 25) as never,
  );
  return 'targets' in found ? String(found.targets[0]?.localAddress) : found.outcome.kind;
}

test('connections come from an address of the pool, under its name', async () => {
  await using hop = await scriptedHop();
  const config = { port: hop.port, pools: { out: pool(['127.0.0.11'], 'hash') }, source: 'out' };
  await using house = await relay(config);
  assert.equal(kind((await house.send())['b@b.example']), 'delivered');
  assert.equal(hop.sessions[0]?.remoteAddress, '127.0.0.11');
  assert.equal(hop.sessions[0]?.lines[0], 'EHLO out-127.0.0.11.a.example');
});

test('`hash` gives one next hop one address, and all next hops all of them', () => {
  const sources = new Sources({ pools: { out: pool(FOUR, 'hash') }, source: 'out', sources: {} });
  const hops = Array.from({ length: 60 }, (_, index) => `d${index}.example`);
  const first = hops.map((hop) => chosen(sources, hop));
  assert.deepEqual(
    hops.map((hop) => chosen(sources, hop)),
    first,
  );
  assert.deepEqual([...new Set(first)].sort(), FOUR);
});

test('`round-robin` takes the next one each time', () => {
  const sources = new Sources({ pools: { out: pool(FOUR, 'round-robin') }, source: 'out', sources: {} });
  assert.deepEqual(
    [1, 2, 3, 4].map(() => chosen(sources, 'b.example')),
    [...FOUR, FOUR[0]],
  );
});

test('a pool goes by the next hop', () => {
  const sources = new Sources({
    pools: {
      one: pool(['192.0.2.1'], 'hash'),
      two: pool(['192.0.2.2'], 'hash'),
      three: pool(['192.0.2.3'], 'hash'),
    },
    source: 'one',
    sources: { 'b.example': 'two', '.c.example': 'two', '[192.0.2.9]': 'three' },
  });
  assert.deepEqual(
    ['a.example', 'b.example', 'x.c.example', 'c.example', '[192.0.2.9]:587'].map((hop) =>
      chosen(sources, hop),
    ),
    ['192.0.2.1', '192.0.2.2', '192.0.2.2', '192.0.2.1', '192.0.2.3'],
  );
});

test('hosts of a family that the pool has not are left out', () => {
  const both = new Sources({
    pools: { out: pool(['192.0.2.1', '2001:db8::1'], 'hash') },
    source: 'out',
    sources: {},
  });
  assert.equal(chosen(both, 'b.example', '2001:db8::99'), '2001:db8::1');
  const four = new Sources({ pools: { out: pool(['192.0.2.1'], 'hash') }, source: 'out', sources: {} });
  assert.equal(chosen(four, 'b.example', '2001:db8::99'), 'deferred');
});

test('an address that the machine has not is told at the start, and mail from there waits', async () => {
  assert.deepEqual(strangers(['127.0.0.99', '192.0.2.200']), ['192.0.2.200']);
  await using hop = await scriptedHop();
  const config = { port: hop.port, pools: { out: pool(['192.0.2.200'], 'hash') }, source: 'out' };
  await using house = await relay(config);
  assert.ok(house.plugin.log.lines.some(({ text }) => text === 'a source address is none of this machine'));
  const outcome = (await house.send())['b@b.example'];
  assert.equal(kind(outcome), 'deferred 4.4.1');
  assert.match(JSON.stringify(outcome), /EADDRNOTAVAIL/);
});

test('a pool that is not there, and what is no address, are errors of the configuration', async () => {
  const pools = { out: pool(FOUR, 'hash') };
  await assert.rejects(relay({ source: 'nowhere' }), /source: there is no pool "nowhere"/);
  await assert.rejects(
    relay({ pools, sources: { 'b.example': 'in' } }),
    /sources: "b\.example": there is no pool "in"/,
  );
  await assert.rejects(relay({ pools: { out: pool(['localhost'], 'hash') } }), /not an address: "localhost"/);
});
