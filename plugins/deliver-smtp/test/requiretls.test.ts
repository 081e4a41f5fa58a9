// RFC 8689: what a message itself asks of the TLS to its next hops.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fakeClock, type Script, scriptedHop } from '@posthouse/core/testing';
import { makeCa, type Pair } from './certificates.ts';
import { a, dnsServer, mx, type Zone } from './dns-server.ts';
import { kind, MESSAGE, type RelayConfig, relay } from './relay.ts';

const ca = makeCa();
after(() => ca[Symbol.dispose]());
const own = ca.issue('DNS:mx.b.example');
const ofDomain = ca.issue('DNS:b.example');
const ofAddress = ca.issue('IP:127.0.0.1');
const BROKEN = { key: '', cert: '' };

const KEYWORDS = ['PIPELINING', '8BITMIME', 'REQUIRETLS'];
const offers = (tls: Pair): Script => ({ tls, keywords: KEYWORDS });
const WISH = { parameters: { requiretls: true } } as const;

const SIGNED: Zone = {
  'MX b.example': { answers: [mx('b.example', 'mx.b.example')] },
  'A mx.b.example': { answers: [a('mx.b.example')] },
};
const UNSIGNED: Zone = {
  'MX b.example': { answers: [mx('b.example', 'mx.b.example')], secure: false },
  'A mx.b.example': { answers: [a('mx.b.example')], secure: false },
};

interface Sent {
  readonly kind: string;
  readonly text: string;
  /** The MAIL command. */
  readonly mail: string | undefined;
}

async function send(
  script: Script,
  zone: Zone | undefined,
  config: RelayConfig = {},
  more: object = WISH,
): Promise<Sent> {
  await using hop = await scriptedHop(script);
  await using dns = await dnsServer(zone ?? {});
  const dnssec = zone && { dnssec: { resolvers: [dns.address], timeout: 5000 } };
  await using house = await relay({ port: hop.port, caFile: ca.file, ...dnssec, ...config });
  const outcome = (await house.send('b@b.example', MESSAGE, more))['b@b.example'];
  const lines = hop.sessions.flatMap((session) => session.lines);
  return {
    kind: kind(outcome),
    text: JSON.stringify(outcome),
    mail: lines.find((line) => line.startsWith('MAIL')),
  };
}

test('it goes to a host that DNSSEC shows, with a good certificate, that offers it', async () => {
  const sent = await send(offers(own), SIGNED);
  assert.equal(sent.kind, 'delivered');
  assert.equal(sent.mail, 'MAIL FROM:<a@a.example> REQUIRETLS');
});

test('else it is returned at once, and nothing is sent', async () => {
  for (const [script, zone, expected, words] of [
    [{ tls: own }, SIGNED, 'failed 5.7.30', /needs REQUIRETLS, which the next hop does not offer/],
    [{ keywords: KEYWORDS }, SIGNED, 'failed 5.7.10', /STARTTLS is not offered/],
    [offers(ofDomain), SIGNED, 'failed 5.7.10', /not for mx\.b\.example/],
    [offers(own), UNSIGNED, 'failed 5.7.10', /neither DNSSEC nor MTA-STS shows/],
    [offers(own), undefined, 'failed 5.7.10', /neither DNSSEC nor MTA-STS shows/],
  ] as const) {
    const sent = await send(script, zone);
    assert.equal(sent.kind, expected);
    assert.match(sent.text, words);
    assert.equal(sent.mail, undefined);
  }
});

test('what may be better another time is deferred', async () => {
  const unknown: Zone = { ...SIGNED, 'MX b.example': { rcode: 2 } };
  assert.equal((await send(offers(own), unknown)).kind, 'deferred 4.4.3');
  assert.equal((await send({ greeting: '421 later', tls: own }, SIGNED)).kind, 'deferred 4.3.2');
  assert.equal((await send({ tls: BROKEN }, SIGNED)).kind, 'deferred 4.7.5');
});

test('a smarthost is known by the name that it was given', async () => {
  const config = { smarthost: '[127.0.0.1]' };
  assert.equal((await send(offers(ofAddress), undefined, config)).kind, 'delivered');
  assert.equal((await send(offers(own), undefined, config)).kind, 'failed 5.7.10');
});

/** With a policy of b.example that an earlier run has kept. */
async function underSts<T>(
  policy: string,
  run: (mtaSts: { path: string; fetchTimeout: number }) => Promise<T>,
): Promise<T> {
  const path = mkdtempSync(join(tmpdir(), 'posthouse-sts-'));
  try {
    const text = `version: STSv1\n${policy}\nmax_age: 86400\n`;
    const kept = { domain: 'b.example', id: '1', fetchedAt: fakeClock().now(), text };
    writeFileSync(join(path, 'b.example.json'), JSON.stringify(kept));
    return await run({ path, fetchTimeout: 30_000 });
  } finally {
    rmSync(path, { recursive: true });
  }
}

test('an MTA-STS policy that names the host will do', async () => {
  for (const [policy, expected] of [
    ['mode: enforce\nmx: mx.b.example', 'delivered'],
    ['mode: testing\nmx: *.b.example', 'delivered'],
    ['mode: enforce\nmx: mx2.b.example', 'failed 5.7.10'],
    ['mode: none', 'failed 5.7.10'],
  ] as const) {
    const sent = await underSts(policy, (mtaSts) => send(offers(own), undefined, { mtaSts }));
    assert.equal(sent.kind, expected, policy);
  }
});

test('the next host is asked where the first does not offer it', async () => {
  const names = ca.issue('DNS:mx1.c.example,DNS:mx2.c.example');
  await using first = await scriptedHop({ tls: names });
  await using second = await scriptedHop(offers(names), { address: '127.0.0.2', port: first.port });
  await using dns = await dnsServer({
    'MX c.example': { answers: [mx('c.example', 'mx1.c.example', 1), mx('c.example', 'mx2.c.example', 2)] },
    'A mx1.c.example': { answers: [a('mx1.c.example', '127.0.0.1')] },
    'A mx2.c.example': { answers: [a('mx2.c.example', '127.0.0.2')] },
  });
  const dnssec = { resolvers: [dns.address], timeout: 5000 };
  await using house = await relay({ port: first.port, caFile: ca.file, dnssec });
  assert.equal(kind((await house.send('c@c.example', MESSAGE, WISH))['c@c.example']), 'delivered');
  assert.deepEqual(first.sessions[0]?.lines.slice(-2), ['EHLO mx.a.example', 'QUIT']);
  assert.equal(second.sessions[0]?.messages.length, 1);
});

test('a connection of ordinary mail does not carry it, nor the other way round', async () => {
  await using hop = await scriptedHop(offers(own));
  await using dns = await dnsServer(SIGNED);
  const dnssec = { resolvers: [dns.address], timeout: 5000 };
  await using house = await relay({ port: hop.port, caFile: ca.file, dnssec });
  for (const more of [{}, WISH, {}, WISH]) await house.send('b@b.example', MESSAGE, more);
  assert.deepEqual(
    hop.sessions.map(({ messages }) => messages.length),
    [2, 2],
  );
});

test('what tells of such a message is not lost where nobody offers it, and says it where somebody does', async () => {
  const notice = { ...WISH, sender: '' };
  assert.equal((await send({}, undefined, {}, notice)).mail, 'MAIL FROM:<> SIZE=31');
  assert.equal((await send(offers(own), undefined, {}, notice)).mail, 'MAIL FROM:<> REQUIRETLS');
});

test('`TLS-Required: No` lets a message go without what the domain has published', async () => {
  for (const [header, expected, more] of [
    ['Subject: x', 'deferred 4.7.5'],
    ['TLS-Required: No', 'delivered'],
    ['Subject: x\r\ntls-required:\r\n  no', 'delivered'],
    ['TLS-Required: Yes', 'deferred 4.7.5'],
    ['X-TLS-Required: No', 'deferred 4.7.5'],
    ['Subject: x\r\n\r\nTLS-Required: No', 'deferred 4.7.5'],
    // RFC 8689 §4.1: the envelope has the last word.
    ['TLS-Required: No', 'failed 5.7.10', WISH],
  ] as const) {
    for (const inMemory of [true, false]) {
      await using hop = await scriptedHop({ tls: ofDomain });
      const outcomes = await underSts('mode: enforce\nmx: mx.b.example', async (mtaSts) => {
        await using house = await relay({ port: hop.port, caFile: ca.file, mtaSts, tls: 'mta-sts' });
        return await house.send('b@b.example', `${header}\r\n\r\nHi\r\n`, { inMemory, ...more });
      });
      assert.equal(kind(outcomes['b@b.example']), expected, header);
    }
  }
});

test('it does not undo what the operator asks for', async () => {
  await using hop = await scriptedHop({ tls: ca.issue('DNS:other.example') });
  await using house = await relay({ port: hop.port, caFile: ca.file, tls: 'verify' });
  const outcomes = await house.send('b@b.example', 'TLS-Required: No\r\n\r\nHi\r\n');
  assert.equal(kind(outcomes['b@b.example']), 'deferred 4.7.5');
});
