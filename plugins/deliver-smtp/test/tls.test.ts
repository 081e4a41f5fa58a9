// STARTTLS to a next hop with a certificate that nobody has signed.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { scriptedHop } from '@posthouse/core/testing';
import { kind, relay } from './relay.ts';

const tls = selfSigned();

function selfSigned(): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'posthouse-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  try {
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const about = ['-subj', '/CN=hop.example', '-days', '2'];
    execFileSync('openssl', ['req', '-x509', ...newKey, ...about, '-keyout', key, '-out', cert], {
      stdio: 'ignore',
    });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('STARTTLS is used where it is offered, and EHLO is said again', async () => {
  await using hop = await scriptedHop({ tls });
  await using house = await relay({ port: hop.port });
  assert.equal(kind((await house.send())['b@b.example']), 'delivered');
  assert.equal(hop.sessions[0]?.secure, true);
  assert.deepEqual(hop.sessions[0]?.lines.slice(0, 4), [
    'EHLO mx.a.example',
    'STARTTLS',
    'EHLO mx.a.example',
    'MAIL FROM:<a@a.example> SIZE=31',
  ]);
});

test('a kept connection keeps its TLS', async () => {
  await using hop = await scriptedHop({ tls });
  await using house = await relay({ port: hop.port, tls: 'encrypt' });
  await house.send();
  assert.equal(kind((await house.send())['b@b.example']), 'delivered');
  assert.equal(hop.sessions.length, 1);
  await house.plugin.stop();
  assert.equal(hop.sessions[0]?.lines.at(-1), 'QUIT');
});

test('`tls: none` leaves STARTTLS alone', async () => {
  await using hop = await scriptedHop({ tls });
  await using house = await relay({ port: hop.port, tls: 'none' });
  assert.equal(kind((await house.send())['b@b.example']), 'delivered');
  assert.equal(hop.sessions[0]?.secure, false);
});

test('a refused STARTTLS means clear text under `may`', async () => {
  await using hop = await scriptedHop({ STARTTLS: '454 4.7.0 not now' });
  await using house = await relay({ port: hop.port });
  assert.equal(kind((await house.send())['b@b.example']), 'delivered');
  assert.equal(hop.sessions.length, 1);
});

test('a failed handshake means one more try in clear under `may`', async () => {
  await using hop = await scriptedHop((connection) =>
    connection === 1 ? { STARTTLS: '220 go on\r\nno TLS at all' } : { tls },
  );
  await using clear = await relay({ port: hop.port });
  assert.equal(
    kind((await clear.send())['b@b.example']),
    'deferred 4.4.1',
    'octets behind the 220 are no mere failure',
  );

  await using broken = await scriptedHop({ tls: { key: '', cert: '' } });
  await using house = await relay({ port: broken.port });
  assert.equal(kind((await house.send())['b@b.example']), 'delivered');
  assert.deepEqual(
    broken.sessions.map(({ messages }) => messages.length),
    [0, 1],
  );
  assert.ok(!broken.sessions[1]?.lines.includes('STARTTLS'));
});

test('`tls: encrypt` never sends in clear', async () => {
  for (const [script, expected] of [
    [{}, 'deferred 4.7.4'],
    [{ STARTTLS: '454 4.7.0 not now' }, 'deferred 4.7.4'],
    [{ tls: { key: '', cert: '' } }, 'deferred 4.7.5'],
  ] as const) {
    await using hop = await scriptedHop(script);
    await using house = await relay({ port: hop.port, tls: 'encrypt' });
    assert.equal(kind((await house.send())['b@b.example']), expected);
    assert.equal(
      hop.sessions.some(({ lines }) => lines.some((line) => line.startsWith('MAIL'))),
      false,
    );
  }
});

test('a handshake that never ends is given up', async () => {
  await using hop = await scriptedHop((connection) => (connection === 1 ? { STARTTLS: '220 go on' } : {}));
  await using house = await relay({ port: hop.port });
  const sent = house.send();
  while (!hop.sessions[0]?.lines.includes('STARTTLS') || hop.sessions[0].lines.length < 2) {
    await house.clock.advance(0);
  }
  for (let second = 0; second < 33; second++) await house.clock.advance(1000);
  assert.equal(kind((await sent)['b@b.example']), 'delivered');
  assert.equal(hop.sessions.length, 2);
});
