// Limits and deadlines as a client meets them, in a whole house.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { definePlugin, Verdict } from '../../src/index.ts';
import { type HouseOptions, openHouse } from '../../src/testing/index.ts';

const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});

const house = (options: Partial<HouseOptions> = {}) => openHouse({ plugins: [accepts()], ...options });
const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../../test/fixtures/house.example.${name}.pem`, import.meta.url));
const mx = (options: object) => [{ name: 'mx', port: 0, host: '127.0.0.1', ...options }];

test('connections in all, per address, per network and per minute are 421 at once, and one event a second tells', async () => {
  for (const [limits, why, status] of [
    [{ connections: 1 }, 'too-many', '4.3.2'],
    [{ connectionsPerAddress: 1 }, 'too-many-from-address', '4.7.0'],
    [{ connectionsPerNetwork: 1 }, 'too-many-from-network', '4.7.0'],
    [{ connectionsPerMinute: 1 }, 'too-often', '4.7.0'],
  ] as const) {
    await using open = await house({ limits });
    open.connect({ remoteAddress: '192.0.2.1' }).resume();
    for (let count = 0; count < 3; count++)
      await open.talk(`S: 421 ${status} *\nS: EOF`, { remoteAddress: '192.0.2.1' });
    await open.clock.advance(2000);
    assert.deepEqual(open.events('connections-refused'), [
      { listener: 'mx', why, count: 3, remoteAddress: '192.0.2.1' },
    ]);
    await open.clock.advance(0);
  }
});

test('a slow sender is 421 after the window, in a command line and in a message', async () => {
  const limits = { minimumRate: 100 };
  const deadlines = { rateWindow: '1m', command: '1h', data: '1h' };
  for (const opening of [
    'NO',
    'HELO x.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nDATA\r\nSubject: slow',
  ]) {
    await using open = await house({ limits, deadlines });
    const client = open.connect();
    let heard = '';
    client.on('data', (bytes: Buffer) => {
      heard += bytes.toString();
    });
    client.write(opening);
    for (let second = 0; second < 55; second += 5) {
      await open.clock.advance(5000);
      client.write('x');
    }
    assert.doesNotMatch(heard, /421/);
    await open.clock.advance(10_000);
    assert.match(heard, /421 4\.4\.2 Too slow, closing the connection\r\n$/);
  }
});

test('a session ends when its time is over', async () => {
  await using open = await house({ deadlines: { session: '10m' } });
  await open.talk(
    [
      'S: 220 *',
      ...Array<string[]>(3).fill(['T: 3m', 'C: NOOP', 'S: 250 *']).flat(),
      'T: 2m',
      'S: 421 4.4.2 *',
      'S: EOF',
    ].join('\n'),
  );
});

test('the banner waits for its delay, and a plugin sees who did not', async () => {
  const early: boolean[] = [];
  const sees = definePlugin({
    name: 'sees',
    setup: () => ({ hooks: { 'on-connect': ({ session }) => void early.push(session.earlyTalker) } }),
  });
  await using open = await openHouse({ plugins: [sees(), accepts()], listeners: mx({ bannerDelay: '5s' }) });
  const client = open.connect();
  let heard = '';
  client.on('data', (bytes: Buffer) => {
    heard += bytes.toString();
  });
  client.write('HELO early.example\r\n');
  await open.clock.advance(4000);
  assert.equal(heard, '');
  await open.clock.advance(2000);
  assert.match(heard, /^220 .*\r\n250 house\.example\r\n$/);
  await open.talk('T: 6s\nS: 220 *\nC: HELO x.example\nS: 250 *');
  assert.deepEqual(early, [true, false]);
  client.destroy();
});

test('an early talker is refused and hears nothing else, where the listener says so', async () => {
  await using open = await house({ listeners: mx({ bannerDelay: '5s', earlyTalker: 'reject' }) });
  await open.talk('C: EHLO early.example\nT: 6s\nS: 554 5.5.1 *\nS: 503 *\nC: QUIT\nS: 221 *\nS: EOF');
  await open.talk('T: 6s\nS: 220 *');
});

test('a client that leaves during the delay of the banner leaves nothing behind', async () => {
  await using open = await house({ listeners: mx({ bannerDelay: '5s' }) });
  open.connect().end('QUIT\r\n');
  open.connect().destroy();
  await open.clock.advance(30_000);
  assert.equal(open.events('connection-closed').length, 2);
});

test('a TLS handshake that stops half way is cut off', async () => {
  await using open = await house({
    listeners: mx({ tls: 'implicit' }),
    tls: { cert: fixture('cert'), key: fixture('key') },
    deadlines: { tlsHandshake: '30s' },
  });
  const client = open.connect();
  client.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
  await open.clock.advance(29_000);
  assert.equal(open.events('connection-closed').length, 0);
  await open.clock.advance(3000);
  assert.equal(open.events('connection-closed')[0]?.why, 'TLS handshake took too long');
});
