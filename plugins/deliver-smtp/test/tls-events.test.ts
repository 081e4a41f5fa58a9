// What is told of TLS with next hops, for those who report it (RFC 8460): over real TLS.

import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { EventSink, Events } from '@posthouse/core';
import { fakeClock, scriptedHop } from '@posthouse/core/testing';
import { stsWish } from '../src/mta-sts/wish.ts';
import { makeCa, type Pair } from './certificates.ts';
import { a, dnsServer, mx, tlsa } from './dns-server.ts';
import { type RelayConfig, relay } from './relay.ts';

type Told = Events['tls-attempted'];

const ca = makeCa();
const folder = mkdtempSync(join(tmpdir(), 'posthouse-sts-'));
after(() => {
  ca[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});
const own = ca.issue('DNS:mx.b.example');

/** What is told of one message to b.example. */
async function told(
  tls: Pair | undefined,
  config: RelayConfig | ((port: number) => RelayConfig) = {},
): Promise<readonly Told[]> {
  const events: Told[] = [];
  const sink: EventSink = {
    wants: (event) => event === 'tls-attempted',
    emit: (_, facts) => void events.push(facts as Told),
  };
  await using hop = await scriptedHop(tls ? { tls } : {});
  const given = typeof config === 'function' ? config(hop.port) : config;
  await using house = await relay({ port: hop.port, caFile: ca.file, ...given }, {}, fakeClock(Date.now()), {
    events: sink,
  });
  await house.send();
  return events.map(({ port: _, ...facts }) => facts as Told);
}

const PLACE = {
  transport: 'deliver-smtp',
  destination: 'b.example',
  domain: 'b.example',
  host: 'mx.b.example',
  address: '127.0.0.1',
  localAddress: '127.0.0.1',
};

test('without a policy it is told what became of TLS, each connection once', async () => {
  assert.deepEqual(await told(own), [{ ...PLACE, result: 'success' }]);
  assert.deepEqual(await told(undefined), [
    { ...PLACE, result: 'starttls-not-supported', text: 'STARTTLS is not offered' },
  ]);
  const [failed, ...others] = await told({ key: '', cert: '' });
  assert.equal(failed?.result, 'validation-failure');
  assert.deepEqual(others, []);
  const [refused] = await told({ key: '', cert: '' }, { tls: 'encrypt' });
  assert.equal(refused?.result, 'validation-failure');
  assert.match(refused?.text ?? '', /^TLS handshake failed/);
  assert.equal(refused?.localAddress, '127.0.0.1');
});

test('of a host that the operator has named no domain is told', async () => {
  const [first] = await told(own, (port) => ({ routes: { 'b.example': `[127.0.0.1]:${port}` } }));
  assert.equal(first?.result, 'success');
  assert.equal(first?.domain, undefined);
});

test('an MTA-STS policy is told line by line', async () => {
  const text = 'version: STSv1\r\nmode: testing\r\nmx: *.c.example\r\nmx: x.c.example\r\nmax_age: 864000\r\n';
  const kept = { domain: 'b.example', id: '1', fetchedAt: Date.now(), text };
  writeFileSync(join(folder, 'b.example.json'), JSON.stringify(kept));
  const [first] = await told(own, { tls: 'mta-sts', mtaSts: { path: folder, fetchTimeout: 30_000 } });
  assert.deepEqual(first, {
    ...PLACE,
    policy: 'mta-sts testing (b.example)',
    published: {
      type: 'sts',
      domain: 'b.example',
      strings: ['version: STSv1', 'mode: testing', 'mx: *.c.example', 'mx: x.c.example', 'max_age: 864000'],
      hosts: ['*.c.example', 'x.c.example'],
    },
    result: 'validation-failure',
    text: 'the MTA-STS policy of b.example does not name it',
  });
});

test('why a policy could not be had is told with the hosts that mail goes to all the same', () => {
  const problem = { type: 'sts-policy-fetch-error', text: 'HTTP 404' } as const;
  const target = { host: 'mx.b.example', address: '127.0.0.1', port: 25 };
  assert.deepEqual(stsWish('b.example', { problem })(target), {
    ...target,
    tls: 'may',
    policy: 'mta-sts (no policy: HTTP 404)',
    published: { type: 'sts', domain: 'b.example', strings: [], hosts: [] },
    publishedFault: { kind: 'sts-policy-fetch-error', text: 'HTTP 404' },
  });
  assert.deepEqual(stsWish('b.example', {})(target), { ...target, tls: 'may' });
});

test('TLSA records are told as zone files have them', async () => {
  const key = new X509Certificate(own.cert).publicKey.export({ type: 'spki', format: 'der' });
  const certificate = createHash('sha256').update(key).digest();
  const record = { usage: 3, selector: 1, matchingType: 1, certificate };
  await using hop = await scriptedHop({ tls: own });
  const name = `_${hop.port}._tcp.mx.b.example`;
  await using dns = await dnsServer({
    'MX b.example': { answers: [mx('b.example', 'mx.b.example')] },
    'A mx.b.example': { answers: [a('mx.b.example')] },
    [`TLSA ${name}`]: { answers: [tlsa(name, record)] },
  });
  const dnssec = { resolvers: [dns.address], timeout: 5000 };
  const [first] = await told(own, { port: hop.port, tls: 'dane', dnssec });
  assert.equal(first?.result, 'success');
  assert.deepEqual(first?.published, {
    type: 'tlsa',
    domain: 'mx.b.example',
    strings: [`3 1 1 ${certificate.toString('hex').toUpperCase()}`],
    hosts: [],
  });
});
