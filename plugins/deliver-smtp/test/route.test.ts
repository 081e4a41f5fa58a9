import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatNextHop, type NextHop, parseNextHop, type RouteConfig, Routes } from '../src/route.ts';
import { tlsInWords } from '../src/tls-words.ts';

const domain = (name: string): NextHop => ({ kind: 'domain', domain: name });
const host = (name: string, port = 25): NextHop => ({ kind: 'host', host: name, port });

const hops: readonly (readonly [string, NextHop | undefined])[] = [
  ['example.org', domain('example.org')],
  ['Example.ORG', domain('example.org')],
  ['bücher.example', domain('xn--bcher-kva.example')],
  ['[mx.example.org]', host('mx.example.org')],
  ['[mx.example.org]:587', host('mx.example.org', 587)],
  ['mx.example.org:587', host('mx.example.org', 587)],
  ['[192.0.2.1]:2525', host('192.0.2.1', 2525)],
  ['192.0.2.1:2525', host('192.0.2.1', 2525)],
  ['192.0.2.1', host('192.0.2.1')],
  ['[2001:DB8::1]:26', host('2001:db8::1', 26)],
  ['[IPv6:2001:db8::1]', host('2001:db8::1')],
  ['2001:db8::1', host('2001:db8::1')],
  ['', undefined],
  ['[]', undefined],
  ['[mx.example.org', undefined],
  ['mx.example.org:', undefined],
  ['mx.example.org:0', undefined],
  ['mx.example.org:65536', undefined],
  ['smtp://mx.example.org', undefined],
  ['two words', undefined],
  ['a..b', undefined],
];
for (const [text, expected] of hops) {
  test(`the next hop ${JSON.stringify(text)} is ${expected === undefined ? 'none' : formatNextHop(expected)}`, () => {
    assert.deepEqual(parseNextHop(text, 25), expected);
    if (expected !== undefined)
      assert.deepEqual(parseNextHop(formatNextHop(expected), 99), expected, 'read back');
  });
}

const routes: Partial<RouteConfig> = {
  routes: {
    'example.org': '[mx.inside]:2525',
    '.example.org': 'hub.example',
    '.deep.example.org': 'deep-hub.example:26',
    '[192.0.2.9]': '[127.0.0.1]',
    'bücher.example': '[books.example]',
  },
};

const rows: readonly (readonly [string, Partial<RouteConfig>, string, string | undefined])[] = [
  ['a domain is its own destination', {}, 'b.example', 'b.example'],
  ['whatever its spelling', {}, 'B.Example', 'b.example'],
  ['in its ASCII form', {}, 'bücher.example', 'xn--bcher-kva.example'],
  ['an address literal is a host', {}, '[192.0.2.1]', '[192.0.2.1]:25'],
  ['an IPv6 literal too', {}, '[IPv6:2001:db8::1]', '[2001:db8::1]:25'],
  ['at the configured port', { port: 2525 }, '[192.0.2.1]', '[192.0.2.1]:2525'],
  ['the bare postmaster has none', {}, '', undefined],
  ['all share the smarthost', { smarthost: 'hub.example:587' }, 'b.example', '[hub.example]:587'],
  ['literals too', { smarthost: 'hub.example' }, '[192.0.2.1]', 'hub.example'],
  ['a route is taken', routes, 'example.org', '[mx.inside]:2525'],
  ['a route for what is below', routes, 'a.example.org', 'hub.example'],
  ['the longest route', routes, 'a.deep.example.org', '[deep-hub.example]:26'],
  ['not for the domain itself', routes, 'deep.example.org', 'hub.example'],
  ['not for what ends alike', routes, 'notexample.org', 'notexample.org'],
  [
    'a route goes before the smarthost',
    { ...routes, smarthost: 'hub.example' },
    'example.org',
    '[mx.inside]:2525',
  ],
  ['a literal has its route', routes, '[192.0.2.9]', '[127.0.0.1]:25'],
  ['U-labels are found', routes, 'xn--bcher-kva.example', '[books.example]:25'],
  ['domains narrow the claim', { domains: ['a.example', '.b.example'] }, 'a.example', 'a.example'],
  ['to those below as well', { domains: ['a.example', '.b.example'] }, 'x.b.example', 'x.b.example'],
  ['and to no others', { domains: ['a.example', '.b.example'] }, 'b.example', undefined],
  ['nor to literals', { domains: ['a.example'] }, '[192.0.2.1]', undefined],
  ['keys of objects are no routes', {}, 'constructor', 'constructor'],
];
for (const [name, config, asked, expected] of rows) {
  test(`the destination of a recipient: ${name}`, () => {
    assert.equal(new Routes({ routes: {}, port: 25, ...config }).destinationOf(asked), expected);
  });
}

test('what is no next hop or no domain is named', () => {
  assert.throws(() => new Routes({ routes: {}, port: 25, smarthost: 'smtp://x' }), /smtp:\/\/x/);
  assert.throws(() => new Routes({ routes: { 'a b': 'x.example' }, port: 25 }), /a b/);
  assert.throws(() => new Routes({ routes: {}, domains: ['.'], port: 25 }), TypeError);
});

test('what is asked of TLS is told in words, hop by hop', () => {
  assert.equal(tlsInWords({ tls: 'may', tlsPolicies: {} }), 'under TLS where it is offered');
  assert.equal(
    tlsInWords({ tls: 'published', tlsPolicies: { 'bank.example': 'verify', '.gov.example': 'dane-only' } }),
    'as TLSA records (DANE) or else MTA-STS policies ask, else under TLS where it is offered; to bank.example only under TLS with a good certificate; to .gov.example only to hosts with TLSA records (DANE)',
  );
  const many = Object.fromEntries(Array.from({ length: 7 }, (_, n) => [`${n}.example`, 'none' as const]));
  assert.match(
    tlsInWords({ tls: 'may', tlsPolicies: many }),
    /to 4\.example without TLS; 2 more in tlsPolicies$/,
  );
});
