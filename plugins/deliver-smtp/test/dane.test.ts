// `dane` and `dane-only`: from what a validating resolver says to what is sent, over real TLS.

import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Outcome } from '@posthouse/core';
import { fakeClock, type ScriptedHop, scriptedHop } from '@posthouse/core/testing';
import type { Answer } from 'dns-packet';
import { makeCa, type Pair } from './certificates.ts';
import { a, cname, type DnsServer, dnsServer, mx, tlsa, type Zone } from './dns-server.ts';
import { kind, type RelayConfig, relay } from './relay.ts';

const ca = makeCa();
after(() => ca[Symbol.dispose]());
const caCert = readFileSync(ca.file, 'utf8');
const own = ca.issue('DNS:mx.b.example');
const ofDomain = ca.issue('DNS:b.example');
const ofOther = ca.issue('DNS:other.example');

type Data = Parameters<typeof tlsa>[1];

function sha256(usage: number, pem: string): Data {
  const key = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
  return { usage, selector: 1, matchingType: 1, certificate: createHash('sha256').update(key).digest() };
}

interface Sent {
  readonly kind: string;
  readonly text: string;
  readonly secure: boolean;
  readonly mail: number;
}

/** Sends to b.example with what DNS says of it; the records of `_port._tcp.` may be written without the port. */
async function send(
  zone: Zone | ((port: number) => Zone),
  { tls = own, config = {} }: { tls?: Pair | undefined | 'none'; config?: RelayConfig } = {},
): Promise<Sent> {
  await using hop = await scriptedHop(tls === 'none' ? {} : { tls });
  await using dns = await dnsServer(typeof zone === 'function' ? zone(hop.port) : zone);
  return await sendBy(dns, hop, config);
}

async function sendBy(dns: DnsServer, hop: ScriptedHop, config: RelayConfig = {}): Promise<Sent> {
  const dnssec = { resolvers: [dns.address], timeout: 5000 };
  await using house = await relay(
    { port: hop.port, tls: 'dane', dnssec, ...config },
    {},
    fakeClock(Date.now()),
  );
  const outcome = (await house.send())['b@b.example'] as Outcome;
  return {
    kind: kind(outcome),
    text: JSON.stringify(outcome),
    secure: hop.sessions.some(({ secure, messages }) => secure && messages.length > 0),
    mail: hop.sessions.flatMap(({ messages }) => messages).length,
  };
}

const MX = { 'MX b.example': { answers: [mx('b.example', 'mx.b.example')] } };
const ADDRESS = { 'A mx.b.example': { answers: [a('mx.b.example')] } };

function records(host: string, port: number, ...data: readonly Data[]): Zone {
  const name = `_${port}._tcp.${host}`;
  return { [`TLSA ${name}`]: { answers: data.map((each): Answer => tlsa(name, each)) } };
}

const published =
  (...data: readonly Data[]) =>
  (port: number): Zone => ({ ...MX, ...ADDRESS, ...records('mx.b.example', port, ...data) });

test('a certificate that matches gets the mail, of whatever CA and name it is', async () => {
  for (const [data, tls] of [
    [sha256(3, own.cert), own],
    [sha256(3, ofOther.cert), ofOther],
    [sha256(2, caCert), { key: own.key, cert: own.cert + caCert }],
    [sha256(2, caCert), { key: ofDomain.key, cert: ofDomain.cert + caCert }],
  ] as const) {
    const sent = await send(published(data), { tls });
    assert.deepEqual({ ...sent, text: '' }, { kind: 'delivered', text: '', secure: true, mail: 1 });
  }
});

test('one that does not match gets none, and no second try in clear', async () => {
  for (const [data, tls, words] of [
    [sha256(3, ofOther.cert), own, /TLSA records vouch for/],
    [sha256(2, caCert), own, /TLSA records vouch for/],
    [
      sha256(2, caCert),
      { key: ofOther.key, cert: ofOther.cert + caCert },
      /is not for mx\.b\.example or b\.example/,
    ],
    [sha256(3, own.cert), 'none', /STARTTLS is not offered/],
    [sha256(3, own.cert), { key: '', cert: '' }, /TLS handshake failed/],
  ] as const) {
    const sent = await send(published(data), { tls });
    assert.match(sent.kind, /^deferred 4\.7\.[45]$/);
    assert.match(sent.text, words);
    assert.equal(sent.mail, 0);
  }
});

test('records that cannot be used still ask for TLS, of whomever', async () => {
  const unusable = { ...sha256(3, own.cert), usage: 1 };
  assert.equal((await send(published(unusable))).secure, true);
  assert.equal((await send(published(unusable), { tls: 'none' })).kind, 'deferred 4.7.4');
});

test('where nothing is published, or nothing is secure, it is as under `may`', async () => {
  const data = sha256(3, ofOther.cert);
  for (const zone of [
    { ...MX, ...ADDRESS },
    (port: number) => ({
      ...published(data)(port),
      'MX b.example': { ...MX['MX b.example'], secure: false },
    }),
    (port: number) => ({
      ...published(data)(port),
      'A mx.b.example': { ...ADDRESS['A mx.b.example'], secure: false },
    }),
    (port: number) => ({
      ...published(data)(port),
      [`TLSA _${port}._tcp.mx.b.example`]: {
        answers: [tlsa(`_${port}._tcp.mx.b.example`, data)],
        secure: false,
      },
    }),
  ]) {
    assert.equal((await send(zone)).kind, 'delivered');
    assert.equal((await send(zone, { tls: 'none' })).kind, 'delivered');
  }
});

test('TLSA records of a host whose addresses are not secure are not asked for', async () => {
  await using hop = await scriptedHop({ tls: own });
  await using dns = await dnsServer({
    ...MX,
    'A mx.b.example': { answers: [a('mx.b.example')], secure: false },
  });
  await sendBy(dns, hop);
  assert.deepEqual(dns.asked.sort(), ['A mx.b.example', 'AAAA mx.b.example', 'MX b.example']);
});

test('what cannot be known is never taken for nothing', async () => {
  const bogus = { bogus: true, answers: [] };
  for (const [zone, status, words] of [
    [{ ...MX, ...ADDRESS, 'MX b.example': bogus }, '4.4.3', /does not validate/],
    [{ ...MX, 'A mx.b.example': bogus, 'AAAA mx.b.example': bogus }, '4.4.3', /does not validate/],
    [
      (port: number) => ({ ...MX, ...ADDRESS, [`TLSA _${port}._tcp.mx.b.example`]: bogus }),
      '4.7.5',
      /its TLSA records are not known: .*does not validate/,
    ],
    [
      (port: number) => ({ ...MX, ...ADDRESS, [`TLSA _${port}._tcp.mx.b.example`]: { rcode: 2 } }),
      '4.7.5',
      /SERVFAIL/,
    ],
  ] as const) {
    const sent = await send(zone);
    assert.equal(sent.kind, `deferred ${status}`);
    assert.match(sent.text, words);
    assert.equal(sent.mail, 0);
  }
});

test('a host without a known policy is passed over for the next one', async () => {
  await using hop = await scriptedHop({ tls: own });
  await using dns = await dnsServer({
    'MX b.example': { answers: [mx('b.example', 'bad.b.example', 5), mx('b.example', 'mx.b.example', 10)] },
    'A bad.b.example': { answers: [a('bad.b.example')] },
    ...ADDRESS,
    [`TLSA _${hop.port}._tcp.bad.b.example`]: { rcode: 2 },
    ...records('mx.b.example', hop.port, sha256(3, own.cert)),
  });
  assert.equal((await sendBy(dns, hop)).kind, 'delivered');
  assert.equal(hop.sessions.length, 1);
});

test('a host that is an alias is known by where it leads, or else by itself', async () => {
  const alias = { answers: [cname('mx.b.example', 'real.c.example'), a('real.c.example')] };
  for (const [host, secure, expected] of [
    ['real.c.example', true, 'deferred 4.7.5'],
    ['mx.b.example', true, 'deferred 4.7.5'],
    // The alias is signed, what it leads to is not.
    ['mx.b.example', 'alias', 'deferred 4.7.5'],
    ['real.c.example', 'alias', 'delivered'],
    ['mx.b.example', false, 'delivered'],
  ] as const) {
    const zone = (port: number): Zone => ({
      ...MX,
      'A mx.b.example': { ...alias, secure: secure === true },
      'CNAME mx.b.example': {
        answers: [cname('mx.b.example', 'real.c.example')],
        secure: secure === 'alias',
      },
      ...records(host, port, sha256(3, ofOther.cert)),
    });
    assert.equal((await send(zone)).kind, expected, `${host} ${secure}`);
  }
});

test('SNI names what the TLSA records are of (RFC 7672 §8.1)', async () => {
  for (const base of ['mx.b.example', 'real.c.example']) {
    await using hop = await scriptedHop({ tls: own });
    await using dns = await dnsServer({
      ...MX,
      'A mx.b.example': { answers: [cname('mx.b.example', 'real.c.example'), a('real.c.example')] },
      ...records(base, hop.port, sha256(3, own.cert)),
    });
    assert.equal((await sendBy(dns, hop)).kind, 'delivered');
    assert.equal(hop.sessions[0]?.serverName, base);
  }
});

test("a domain without MX is its own host, a domain that is an alias may show either's name", async () => {
  const plain = (port: number): Zone => ({
    'MX b.example': {},
    'A b.example': { answers: [a('b.example')] },
    ...records('b.example', port, sha256(3, ofOther.cert)),
  });
  assert.equal((await send(plain)).kind, 'deferred 4.7.5');
  assert.equal((await send(plain, { tls: ofOther })).kind, 'delivered');

  const elsewhere = { key: ofOther.key, cert: ofOther.cert + caCert };
  const alias = (port: number): Zone => ({
    ...ADDRESS,
    'MX b.example': { answers: [cname('b.example', 'other.example'), mx('other.example', 'mx.b.example')] },
    ...records('mx.b.example', port, sha256(2, caCert)),
  });
  assert.equal((await send(alias, { tls: elsewhere })).kind, 'delivered');
});

test('`dane-only` sends to nobody else, and says why', async () => {
  const config = { tls: 'dane-only' } as const;
  const data = sha256(3, own.cert);
  assert.equal((await send(published(data), { config })).kind, 'delivered');
  for (const [zone, words] of [
    [{ ...MX, ...ADDRESS }, /DANE is required by us: it has no TLSA records/],
    [published({ ...data, usage: 0 }), /none of its TLSA records is usable/],
    [
      (port: number) => ({
        ...published(data)(port),
        'MX b.example': { ...MX['MX b.example'], secure: false },
      }),
      /the MX records of b\.example are not secured by DNSSEC/,
    ],
    [
      { ...MX, 'A mx.b.example': { answers: [a('mx.b.example')], secure: false } },
      /it is not secured by DNSSEC/,
    ],
  ] as const) {
    const sent = await send(zone, { config });
    assert.equal(sent.kind, 'deferred 4.7.5');
    assert.match(sent.text, words);
    assert.equal(sent.mail, 0);
  }
});

test('a smarthost is held to its TLSA records, without a look at MX', async () => {
  await using hop = await scriptedHop({ tls: own });
  await using dns = await dnsServer({
    ...ADDRESS,
    ...records('mx.b.example', hop.port, sha256(3, own.cert)),
  });
  const config = {
    smarthost: '[mx.b.example]',
    tls: 'may',
    tlsPolicies: { 'mx.b.example': 'dane-only' },
  } as const;
  assert.equal((await sendBy(dns, hop, config)).kind, 'delivered');
  assert.equal(dns.asked.includes('MX b.example'), false);
});

test('other next hops go by the resolver of the server', async () => {
  await using hop = await scriptedHop({ tls: own });
  await using dns = await dnsServer();
  const config = { tls: 'may', tlsPolicies: { 'c.example': 'dane' } } as const;
  assert.equal((await sendBy(dns, hop, config)).kind, 'delivered');
  assert.deepEqual(dns.asked, []);
});

test('`published`: a host with DANE is held to it, whatever MTA-STS says, and others to MTA-STS', async () => {
  const path = mkdtempSync(join(tmpdir(), 'posthouse-sts-'));
  try {
    const text = 'version: STSv1\nmode: enforce\nmx: mx.b.example\nmax_age: 86400\n';
    const kept = { domain: 'b.example', id: '1', fetchedAt: Date.now(), text };
    writeFileSync(join(path, 'b.example.json'), JSON.stringify(kept));
    const mtaSts = { path, fetchTimeout: 30_000 };
    const config = { tls: 'published', mtaSts, caFile: ca.file } as const;
    for (const [zone, tls, expected] of [
      // RFC 8461 §2: good by MTA-STS, and not by DANE.
      [published(sha256(3, ofOther.cert)), own, 'deferred 4.7.5'],
      [published(sha256(3, ofOther.cert)), ofOther, 'delivered'],
      [{ ...MX, ...ADDRESS }, own, 'delivered'],
      [{ ...MX, ...ADDRESS }, ofOther, 'deferred 4.7.5'],
      [{ 'MX b.example': { ...MX['MX b.example'], secure: false }, ...ADDRESS }, ofOther, 'deferred 4.7.5'],
    ] as const)
      assert.equal((await send(zone, { tls, config })).kind, expected);
  } finally {
    rmSync(path, { recursive: true });
  }
});

test('DANE without resolvers that can be trusted is an error of the configuration', async () => {
  const at = (resolver: string, trustNetwork?: true): RelayConfig => ({
    tls: 'dane',
    dnssec: { resolvers: [resolver], timeout: 5000, ...(trustNetwork && { trustNetwork }) },
  });
  await assert.rejects(relay({ tls: 'dane' }), /DANE needs validating resolvers/);
  await assert.rejects(
    relay({ tlsPolicies: { 'b.example': 'dane-only' } }),
    /DANE needs validating resolvers/,
  );
  await assert.rejects(relay(at('192.0.2.53')), /can be forged on the way/);
  await assert.rejects(relay(at('dns.example')), /not an address: "dns\.example"/);
  await (await relay(at('192.0.2.53', true)))[Symbol.asyncDispose]();
});
