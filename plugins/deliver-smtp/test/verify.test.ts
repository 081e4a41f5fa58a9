// `verify`: a next hop gets mail only with a valid certificate for the right name.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Outcome } from '@posthouse/core';
import { scriptedHop } from '@posthouse/core/testing';
import { makeCa, type Pair } from './certificates.ts';
import { kind, type RelayConfig, relay } from './relay.ts';

const ca = makeCa();
after(() => ca[Symbol.dispose]());
const ofHost = ca.issue('DNS:mx.b.example');
const ofDomain = ca.issue('DNS:b.example');
const ofOthers = ca.issue('DNS:other.example,DNS:*.other.example');
const ofAddress = ca.issue('IP:127.0.0.1');
const expired = ca.issue('DNS:mx.b.example', ['20200101000000Z', '20200201000000Z']);
const early = ca.issue('DNS:mx.b.example', ['20900101000000Z', '20910101000000Z']);

interface Sent {
  readonly outcome: Outcome | undefined;
  readonly mail: boolean;
}

async function send(tls: Pair | undefined, config: RelayConfig): Promise<Sent> {
  await using hop = await scriptedHop(tls ? { tls } : {});
  await using house = await relay({ port: hop.port, ...config });
  const outcome = (await house.send())['b@b.example'];
  return { outcome, mail: hop.sessions.some(({ messages }) => messages.length > 0) };
}

const verify = { tls: 'verify', caFile: ca.file } as const;

test("an MX host may show its own name or its domain's", async () => {
  for (const tls of [ofHost, ofDomain]) {
    assert.deepEqual(kind((await send(tls, verify)).outcome), 'delivered');
  }
});

test('what is wrong with a certificate is said, and nothing is sent', async () => {
  for (const [tls, words] of [
    [ofOthers, /is for DNS:other\.example, DNS:\*\.other\.example, not for mx\.b\.example or b\.example/],
    [expired, /has expired \(its own is valid to Feb +1 00:00:00 2020 GMT\)/],
    [early, /not valid yet/],
    [selfSigned(), /is self-signed/],
  ] as const) {
    const { outcome, mail } = await send(tls, verify);
    assert.equal(kind(outcome), 'deferred 4.7.5');
    assert.match(JSON.stringify(outcome), words);
    assert.equal(mail, false);
  }
});

test("a CA that is not the system's is unknown without `caFile`", async () => {
  const { outcome, mail } = await send(ofHost, { tls: 'verify' });
  assert.equal(kind(outcome), 'deferred 4.7.5');
  assert.match(JSON.stringify(outcome), /not signed by a CA that we trust/);
  assert.equal(mail, false);
});

test('`verify` never sends in clear', async () => {
  const { outcome, mail } = await send(undefined, verify);
  assert.equal(kind(outcome), 'deferred 4.7.4');
  assert.equal(mail, false);
});

test('a route is held to the name or address that it names, whatever the domain', async () => {
  for (const [tls, host, expected] of [
    [ofHost, 'mx.b.example', 'delivered'],
    [ofDomain, 'mx.b.example', 'deferred 4.7.5'],
    [ofAddress, '127.0.0.1', 'delivered'],
    [ofHost, '127.0.0.1', 'deferred 4.7.5'],
  ] as const) {
    assert.equal(kind((await send(tls, { ...verify, smarthost: `[${host}]` })).outcome), expected);
  }
});

test("SNI names the host, of MX as of a smarthost, and never an address or the recipient's domain", async () => {
  for (const [config, expected] of [
    [{}, 'mx.b.example'],
    [verify, 'mx.b.example'],
    [{ smarthost: '[mx.b.example]' }, 'mx.b.example'],
    [{ smarthost: '[127.0.0.1]' }, undefined],
  ] as const) {
    await using hop = await scriptedHop({ tls: ofHost });
    await using house = await relay({ port: hop.port, ...config });
    assert.equal(kind((await house.send())['b@b.example']), 'delivered');
    assert.deepEqual(
      hop.sessions.map(({ serverName }) => serverName),
      [expected],
    );
  }
});

test('a policy goes by the next hop: a domain, all below one, or a host', async () => {
  for (const [config, expected] of [
    [{ tlsPolicies: { 'b.example': 'verify' } }, 'deferred 4.7.5'],
    [{ tlsPolicies: { '.example': 'verify' } }, 'deferred 4.7.5'],
    [{ tlsPolicies: { '.example': 'verify', 'b.example': 'encrypt' } }, 'delivered'],
    [{ tls: 'verify', tlsPolicies: { 'b.example': 'may' } }, 'delivered'],
    [{ tlsPolicies: { 'c.example': 'verify' } }, 'delivered'],
    [{ smarthost: '[127.0.0.1]', tlsPolicies: { '[127.0.0.1]': 'verify' } }, 'deferred 4.7.5'],
    [{ smarthost: '[mx.b.example]', tlsPolicies: { 'mx.b.example': 'verify' } }, 'deferred 4.7.5'],
  ] as const) {
    const { outcome } = await send(ofOthers, { ...config, ...(uses(config) && { caFile: ca.file }) });
    assert.equal(kind(outcome), expected, JSON.stringify(config));
  }
});

test('the next host is asked when the certificate of the first is wrong', async () => {
  const names = ca.issue('DNS:mx2.c.example');
  await using first = await scriptedHop({ tls: ofOthers });
  await using second = await scriptedHop({ tls: names }, { address: '127.0.0.2', port: first.port });
  await using house = await relay({ port: first.port, ...verify });
  assert.equal(kind((await house.send('c@c.example'))['c@c.example']), 'delivered');
  assert.equal(first.sessions[0]?.messages.length, 0);
  assert.equal(second.sessions[0]?.messages.length, 1);
});

test('CAs that cannot be read, or that nothing asks for, are errors of the configuration', async () => {
  await assert.rejects(relay({ tls: 'verify', caFile: `${ca.file}.gone` }), /caFile: .*ENOENT/);
  await assert.rejects(relay({ tls: 'verify', caFile: import.meta.filename }), /no PEM certificate in it/);
  await assert.rejects(relay({ tlsPolicies: { 'a..b': 'may' } }), /not a domain/);
});

function uses(config: RelayConfig): boolean {
  return config.tls === 'verify' || Object.values(config.tlsPolicies ?? {}).includes('verify');
}

function selfSigned(): Pair {
  const folder = mkdtempSync(join(tmpdir(), 'posthouse-'));
  try {
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const about = ['-subj', '/CN=mx.b.example', '-addext', 'subjectAltName=DNS:mx.b.example', '-days', '2'];
    const files = ['-keyout', 'key.pem', '-out', 'cert.pem'];
    execFileSync('openssl', ['req', '-x509', ...newKey, ...about, ...files], { stdio: 'pipe', cwd: folder });
    const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
    return { key: read('key.pem'), cert: read('cert.pem') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
