// The resolver of DANE before a DNS server that does all that a server can do.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PosthouseError } from '@posthouse/core';
import { type FakeClock, fakeClock } from '@posthouse/core/testing';
import { isLoopback, parseServer, SecureResolver } from '../src/dns/secure-resolver.ts';
import { a, cname, type DnsServer, dnsServer, mx, tlsa, type Zone } from './dns-server.ts';
import { until } from './relay.ts';

interface Asked extends AsyncDisposable {
  readonly server: DnsServer;
  readonly clock: FakeClock;
  readonly dns: SecureResolver;
}

async function open(zone: Zone, more: readonly string[] = []): Promise<Asked> {
  const server = await dnsServer(zone);
  const clock = fakeClock();
  const servers = [...more, server.address].map((text) => parseServer(text) as never);
  return {
    server,
    clock,
    dns: new SecureResolver({ servers, timeout: 1000 }, clock),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const unavailable =
  (words: RegExp) =>
  (error: unknown): boolean =>
    PosthouseError.is(error, 'dns-unavailable') && words.test(error.message);

test('an answer is as secure as the resolver says', async () => {
  await using world = await open({
    'MX b.example': {
      answers: [mx('b.example', 'MX2.b.example.', 20), mx('B.example', 'mx1.b.example', 10)],
    },
    'MX c.example': { answers: [mx('c.example', 'mx.c.example')], secure: false },
    'MX d.example': { rcode: 3 },
  });
  assert.deepEqual(await world.dns.mx('B.Example.'), {
    records: [
      { exchange: 'mx1.b.example', preference: 10 },
      { exchange: 'mx2.b.example', preference: 20 },
    ],
    secure: true,
    canonical: 'b.example',
    ttl: 300,
  });
  assert.equal((await world.dns.mx('c.example')).secure, false);
  assert.deepEqual(await world.dns.mx('d.example'), {
    records: [],
    secure: true,
    canonical: 'd.example',
    ttl: 0,
  });
  assert.equal((await world.dns.mx('e.example')).secure, false, 'nothing, and insecurely');
});

test('a null MX is the one record with an empty exchange', async () => {
  await using world = await open({ 'MX b.example': { answers: [mx('b.example', '.', 0)] } });
  assert.deepEqual((await world.dns.mx('b.example')).records, [{ exchange: '', preference: 0 }]);
});

test('TLSA records are asked for by port and name', async () => {
  const certificate = Buffer.alloc(32, 7);
  const name = '_2525._tcp.mx.b.example';
  await using world = await open({
    [`TLSA ${name}`]: { answers: [tlsa(name, { usage: 3, selector: 1, matchingType: 1, certificate })] },
  });
  assert.deepEqual((await world.dns.tlsa('mx.b.example', 2525)).records, [
    { usage: 3, selector: 1, matchingType: 1, data: certificate },
  ]);
});

test('aliases are followed within one answer, and the least TTL counts', async () => {
  await using world = await open({
    'A mx.b.example': {
      answers: [
        cname('mx.b.example', 'Two.b.example', 60),
        cname('two.b.example', 'three.c.example', 20),
        a('three.c.example', '192.0.2.3', 500),
        a('other.example', '192.0.2.66', 1),
      ],
    },
  });
  assert.deepEqual(await world.dns.a('mx.b.example'), {
    records: ['192.0.2.3'],
    secure: true,
    canonical: 'three.c.example',
    ttl: 20,
  });
});

test('a loop of aliases is no answer', async () => {
  await using world = await open({
    'A b.example': { answers: [cname('b.example', 'c.example'), cname('c.example', 'b.example')] },
  });
  await assert.rejects(world.dns.a('b.example'), unavailable(/A b\.example: a loop of CNAMEs/));
});

test('what is too big for a datagram comes by TCP, all of it up to a hundred records', async () => {
  const answers = Array.from({ length: 2000 }, (_, index) => a('b.example', `192.0.2.${index % 250}`));
  await using world = await open({ 'A b.example': { answers, truncated: true } });
  assert.equal((await world.dns.a('b.example')).records.length, 100);
  assert.deepEqual(world.server.asked, ['A b.example', 'A b.example tcp']);
});

test('an answer that cannot be read is no answer', async () => {
  // Flags of a response, one question, one answer; then a name that points at itself, or nothing at all.
  const head = [0x81, 0xa0, 0, 1, 0, 1, 0, 0, 0, 0];
  for (const tail of [[0xc0, 0x0c], [0x3f], [0x80, 0x80], []]) {
    await using world = await open({ 'A b.example': { octets: Buffer.from([...head, ...tail]) } });
    await assert.rejects(world.dns.a('b.example'), unavailable(/cannot be read/));
    assert.equal(world.server.asked.length, 2, 'asked again, once');
  }
});

test('an answer to another question is passed over', async () => {
  await using world = await open({ 'A b.example': { answers: [a('b.example')], foreign: true } });
  assert.deepEqual((await world.dns.a('b.example')).records, ['127.0.0.1']);
});

test('SERVFAIL is told apart from an answer that does not validate', async () => {
  await using world = await open({
    'MX broken.example': { rcode: 2 },
    'MX bogus.example': { answers: [mx('bogus.example', 'mx.bogus.example')], bogus: true },
    'MX refused.example': { rcode: 5 },
  });
  await assert.rejects(world.dns.mx('broken.example'), unavailable(/MX broken\.example: SERVFAIL/));
  await assert.rejects(world.dns.mx('bogus.example'), unavailable(/does not validate \(DNSSEC\)/));
  await assert.rejects(world.dns.mx('refused.example'), unavailable(/REFUSED/));
});

test('a resolver that is dead or silent leaves the next one to answer', async () => {
  const dead = await dnsServer();
  await dead[Symbol.asyncDispose]();
  await using mute = await dnsServer({ 'A b.example': 'silent' });
  await using world = await open({ 'A b.example': { answers: [a('b.example')] } }, [
    dead.address,
    mute.address,
  ]);
  const answer = world.dns.a('b.example');
  await until(() => mute.asked.length > 0);
  await world.clock.advance(1000);
  assert.deepEqual((await answer).records, ['127.0.0.1']);
});

test('silence everywhere ends with an error in time', async () => {
  await using world = await open({ 'A b.example': 'silent' });
  const answer = assert.rejects(world.dns.a('b.example'), unavailable(/no answer in time/));
  for (const count of [1, 2]) {
    await until(() => world.server.asked.length === count);
    await world.clock.advance(1000);
  }
  await answer;
});

test('answers are kept as long as their TTL says, an hour at most, and failures are not', async () => {
  const soa = (ttl: number, minimum: number) =>
    ({
      type: 'SOA',
      name: 'example',
      ttl,
      data: {
        mname: 'ns.example',
        rname: 'root.example',
        serial: 1,
        refresh: 1,
        retry: 1,
        expire: 1,
        minimum,
      },
    }) as const;
  await using world = await open({
    'A short.example': { answers: [a('short.example', '192.0.2.1', 30)] },
    'A long.example': { answers: [a('long.example', '192.0.2.2', 86_400)] },
    'A none.example': { authorities: [soa(60, 20)], rcode: 3 },
    'A never.example': { authorities: [soa(86_400, 86_400)], rcode: 3 },
    'A zero.example': { answers: [a('zero.example', '192.0.2.3', 0)] },
    'A broken.example': { rcode: 5 },
  });
  const { dns, clock, server } = world;
  const isKept = async (name: string, seconds: number): Promise<boolean> => {
    await dns.a(name);
    await clock.advance(seconds * 1000);
    const before = server.asked.length;
    await dns.a(name);
    return server.asked.length === before;
  };
  assert.deepEqual([await isKept('short.example', 29), await isKept('short.example', 31)], [true, false]);
  assert.deepEqual([await isKept('long.example', 3599), await isKept('long.example', 3601)], [true, false]);
  assert.deepEqual([await isKept('none.example', 19), await isKept('none.example', 21)], [true, false]);
  assert.deepEqual([await isKept('never.example', 299), await isKept('never.example', 301)], [true, false]);
  assert.equal(await isKept('zero.example', 0), false);
  for (const count of [2, 4]) {
    await assert.rejects(dns.a('broken.example'));
    assert.equal(server.asked.filter((key) => key === 'A broken.example').length, count);
  }
});

test('questions at the same time share one answer', async () => {
  await using world = await open({ 'A b.example': { answers: [a('b.example', '192.0.2.1', 0)] } });
  await Promise.all([world.dns.a('b.example'), world.dns.a('B.example'), world.dns.a('b.example.')]);
  assert.deepEqual(world.server.asked, ['A b.example']);
});

test('resolvers are written as addresses', () => {
  assert.deepEqual(parseServer('127.0.0.1'), { address: '127.0.0.1', port: 53 });
  assert.deepEqual(parseServer('192.0.2.1:5353'), { address: '192.0.2.1', port: 5353 });
  assert.deepEqual(parseServer('::1'), { address: '::1', port: 53 });
  assert.deepEqual(parseServer('[::1]:5353'), { address: '::1', port: 5353 });
  for (const text of ['', 'localhost', '127.0.0.1:0', '127.0.0.1:65536', '[::1', '1.2.3:53'])
    assert.equal(parseServer(text), undefined, text);
  for (const [text, expected] of [
    ['127.0.0.53', true],
    ['::1', true],
    ['192.0.2.1', false],
    ['[2001:db8::127.0.0.1]:53', false],
  ] as const)
    assert.equal(isLoopback(parseServer(text) as never), expected, text);
});
