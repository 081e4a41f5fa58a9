// TLS over real sockets: handshakes, what they forget, who is served, and what a hostile client can do to them.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { definePlugin, type SessionView, Verdict } from '../../src/index.ts';
import { deliverMemory, type HouseOptions, type OpenHouse, openHouse } from '../../src/testing/index.ts';
import { CertificateFolder, type Client, dial, portOf, upgraded } from './sockets.ts';

const folder = new CertificateFolder();
const ours = folder.make('ours', 'house.example');
const client = folder.make('client', 'client.example');
const stranger = folder.make('stranger', 'stranger.example');
const pemOf = ({ cert, key }: { cert: string; key: string }) => ({
  cert: readFileSync(cert, 'utf8'),
  key: readFileSync(key, 'utf8'),
});
process.on('exit', () => folder[Symbol.dispose]());

const seen: SessionView[] = [];
const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({
    hooks: {
      'on-rcpt': ({ session }) => {
        seen.push(session);
        return Verdict.accept();
      },
    },
  }),
});

type Listener = NonNullable<HouseOptions['listeners']>[number];

function houseWith(
  listener: Partial<Listener> = {},
  options: Partial<HouseOptions> = {},
): Promise<OpenHouse> {
  return openHouse({
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, tls: 'starttls', ...listener }],
    tls: ours,
    plugins: [accepts(), deliverMemory()],
    ...options,
  });
}

const MESSAGE = ['MAIL FROM:<a@client.example>', 'RCPT TO:<b@house.example>', 'DATA'];

async function sendOne(on: Client): Promise<void> {
  await on.say('EHLO client.example').hears(/250 .*\r\n$/);
  await on.say(...MESSAGE).hears(/354 .*\r\n/);
  await on.say('Subject: one', '', 'Hello', '.').hears(/^250 2\.0\.0 .*\r\n/);
}

test('after STARTTLS the dialogue goes on in TLS 1.3, and the facts stand in session, event and Received', async () => {
  const transport = deliverMemory();
  await using house = await houseWith({}, { plugins: [accepts(), transport] });
  const session = await upgraded(house, { servername: 'house.example' });
  await sendOne(session);
  const facts = seen.at(-1)?.tls;
  assert.deepEqual(facts, {
    version: 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
    serverName: 'house.example',
  });
  assert.equal(seen.at(-1)?.protocol, 'ESMTPS');
  const [event] = house.events('tls-established');
  assert.deepEqual(event, { session: seen.at(-1)?.id, ...facts });
  await house.clock.advance(0);
  assert.match(
    transport.messages[0]?.content.toString() ?? '',
    /with ESMTPS \(TLSv1\.3 cipher TLS_AES_256_GCM_SHA384\) id /,
  );
  session.socket.destroy();
});

test('STARTTLS forgets the greeting and the transaction, and is not offered again (RFC 3207 §4.2)', async () => {
  await using house = await houseWith();
  const session = await dial(house);
  await session.hears(/^220 .*\r\n/);
  await session.say('EHLO client.example').hears(/250-STARTTLS\r\n|250 STARTTLS\r\n/);
  await session.say('MAIL FROM:<a@client.example>').hears(/250 2\.1\.0 .*\r\n/);
  await session.say('STARTTLS').hears(/220 2\.0\.0 .*\r\n/);
  await session.secure();
  await session.say('RCPT TO:<b@house.example>').hears(/^503 5\.5\.1 Say EHLO first\r\n/);
  await session.say('MAIL FROM:<a@client.example>').hears(/^503 5\.5\.1 Say EHLO first\r\n/);
  assert.doesNotMatch(await session.say('EHLO client.example').hears(/250 .*\r\n$/), /STARTTLS/);
  await session.say('STARTTLS').hears(/^503 5\.5\.1 .*\r\n/);
  session.socket.destroy();
});

test('implicit TLS speaks first inside TLS and offers no STARTTLS (RFC 8314 §3.3)', async () => {
  await using house = await houseWith({ tls: 'implicit' });
  const session = await dial(house);
  await session.secure();
  await session.hears(/^220 .*\r\n/);
  assert.doesNotMatch(await session.say('EHLO client.example').hears(/250 .*\r\n$/), /STARTTLS/);
  await sendOne(session);
  assert.equal(seen.at(-1)?.protocol, 'ESMTPS');
  session.socket.destroy();
});

// A handshake glued to STARTTLS is plaintext as far as anybody can tell.
const CLIENT_HELLO = Buffer.concat([Buffer.from([22, 3, 1, 0, 5, 1, 0, 0, 1]), Buffer.alloc(1)]).toString(
  'latin1',
);
for (const [what, behind] of [
  ['a command', 'NOOP\r\n'],
  ['a whole injected transaction', `EHLO evil.example\r\n${MESSAGE.join('\r\n')}\r\nevil\r\n.\r\n`],
  ['half a command', 'NO'],
  ['a ClientHello', CLIENT_HELLO],
]) {
  test(`${what} in the same segment as STARTTLS is refused and the connection closed, without a handshake`, async () => {
    await using house = await houseWith();
    const session = await dial(house);
    await session.hears(/^220 .*\r\n/);
    await session.say('EHLO client.example').hears(/250 .*\r\n$/);
    session.socket.write(`STARTTLS\r\n${behind}`, 'latin1');
    await session.isClosed();
    assert.equal(session.heard, '501 5.5.4 Nothing may follow STARTTLS before the handshake\r\n');
    assert.equal(house.events('tls-established').length, 0);
  });
}

test('plaintext that follows in a segment of its own never becomes a command', async () => {
  await using house = await houseWith();
  const session = await dial(house);
  await session.hears(/^220 .*\r\n/);
  await session.say('STARTTLS').hears(/^220 .*\r\n/);
  session.say('EHLO evil.example', ...MESSAGE);
  await session.isClosed();
  assert.doesNotMatch(session.heard, /250|354/);
  assert.equal(house.events('tls-failed').length, 1);
});

test('where TLS is required nothing but the way to it is served before (RFC 3207 §4)', async () => {
  await using house = await houseWith({ tlsRequired: true });
  const session = await dial(house);
  await session.hears(/^220 .*\r\n/);
  for (const good of ['EHLO client.example', 'HELO client.example', 'NOOP', 'RSET']) {
    await session.say(good).hears(/250 .*\r\n$/);
  }
  for (const refused of [...MESSAGE, 'VRFY a', 'HELP', 'AUTH PLAIN AAAA', 'BDAT 0', 'FOO']) {
    await session.say(refused).hears(/^530 5\.7\.0 Must issue a STARTTLS command first\r\n/);
  }
  await session.say('STARTTLS').hears(/^220 .*\r\n/);
  await session.secure();
  await sendOne(session);
  session.socket.destroy();
});

test('a required client certificate: the good one is served and named', async () => {
  const transport = deliverMemory();
  await using house = await houseWith(
    { clientCertificates: 'require', clientCa: client.cert },
    { plugins: [accepts(), transport] },
  );
  const session = await upgraded(house, pemOf(client));
  await sendOne(session);
  const facts = seen.at(-1)?.tls?.client;
  assert.equal(facts?.verified, true);
  assert.equal(facts?.subject, 'CN=client.example');
  assert.match(facts?.fingerprint ?? '', /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  await house.clock.advance(0);
  assert.match(transport.messages[0]?.content.toString() ?? '', /client client\.example verified\)/);
  session.socket.destroy();
});

for (const tls of ['starttls', 'implicit'] as const) {
  for (const [who, certificate] of [
    ['without a certificate', {}],
    ['with a certificate that nobody vouches for', pemOf(stranger)],
  ] as const) {
    test(`${tls}: a client ${who} is told 554 and served nothing where one is required (RFC 3207 §4.1)`, async () => {
      await using house = await houseWith({ tls, clientCertificates: 'require', clientCa: client.cert });
      const session = tls === 'starttls' ? await upgraded(house, certificate) : await dial(house);
      if (tls === 'implicit') {
        await session.secure(certificate);
        await session.hears(/^554 5\.7\.0 .*\r\n/);
      }
      for (const command of ['EHLO client.example', ...MESSAGE, 'NOOP'])
        await session.say(command).hears(/^554 5\.7\.0 Command refused due to lack of security\r\n/);
      await session.say('QUIT').hears(/^221 .*\r\n/);
      await session.isClosed();
      assert.equal(house.events('message-queued').length, 0);
    });
  }
}

test('a requested certificate that nobody vouches for is a fact with its problem, and the client is served', async () => {
  await using house = await houseWith({ clientCertificates: 'request', clientCa: client.cert });
  const session = await upgraded(house, pemOf(stranger));
  await sendOne(session);
  const facts = seen.at(-1)?.tls?.client;
  assert.equal(facts?.verified, false);
  assert.match(facts?.problem ?? '', /self.signed certificate/);
  session.socket.destroy();
  const none = await upgraded(house);
  await sendOne(none);
  assert.equal(seen.at(-1)?.tls?.client, undefined);
  none.socket.destroy();
});

test('a resumed session tells of the same client', async () => {
  await using house = await houseWith({ clientCertificates: 'require', clientCa: client.cert });
  const first = await dial(house);
  await first.hears(/^220 .*\r\n/);
  await first.say('STARTTLS').hears(/^220 .*\r\n/);
  const secured = first.secure(pemOf(client));
  const ticket = once(first.socket, 'session');
  await secured;
  await sendOne(first);
  const [session] = (await ticket) as [Buffer];
  first.socket.destroy();
  const second = await upgraded(house, { ...pemOf(client), session });
  assert.equal((second.socket as TLSSocket).isSessionReused(), true);
  await sendOne(second);
  assert.equal(seen.at(-1)?.tls?.client?.verified, true);
  second.socket.destroy();
});

test('minVersion and ciphers are kept', async () => {
  await using strict = await houseWith({}, { tls: { ...ours, minVersion: 'TLSv1.3' } });
  await assert.rejects(upgraded(strict, { maxVersion: 'TLSv1.2' }), /protocol version|alert|ECONNRESET/i);
  const ciphers = 'ECDHE-ECDSA-AES256-GCM-SHA384';
  await using house = await houseWith({}, { tls: { ...ours, ciphers } });
  const session = await upgraded(house, { maxVersion: 'TLSv1.2' });
  assert.equal((session.socket as TLSSocket).getCipher().name, ciphers);
  session.socket.destroy();
  await using modern = await houseWith();
  await assert.rejects(
    upgraded(modern, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    /version|alert|ECONNRESET/i,
  );
  await assert.rejects(
    upgraded(modern, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' }),
    /handshake failure|alert|ECONNRESET/i,
  );
});

test('a client that wants to renegotiate is not followed, and the connection goes on or ends', async () => {
  await using house = await houseWith();
  const session = await upgraded(house, { maxVersion: 'TLSv1.2' });
  const refused = new Promise<Error | null>((resolve) => {
    const socket = session.socket as TLSSocket;
    socket.on('error', resolve);
    socket.renegotiate({ rejectUnauthorized: false }, resolve);
  });
  assert.match(String(await refused), /no renegotiation/i);
  session.socket.destroy();
  const other = await upgraded(house);
  await sendOne(other);
  other.socket.destroy();
});

test('garbage instead of a handshake ends that connection at once, with its reason in the log', async () => {
  for (const tls of ['starttls', 'implicit'] as const) {
    await using house = await houseWith({ tls });
    const session = await dial(house);
    if (tls === 'starttls') {
      await session.hears(/^220 .*\r\n/);
      await session.say('STARTTLS').hears(/^220 .*\r\n/);
    }
    session.socket.write(Buffer.alloc(20_000, 'garbage '));
    await session.isClosed();
    const [failed] = house.events('tls-failed');
    assert.match(failed?.why ?? '', /wrong version number|http request|record|version/i);
    assert.equal(house.server.listeners[0]?.connections, 0);
  }
});

test('a client that is silent in mid-handshake is closed at its deadline, and one that leaves at once', async () => {
  await using house = await houseWith({ tls: 'implicit' });
  const silent = await dial(house);
  silent.socket.write(Buffer.from([22, 3, 1, 2, 0, 1]));
  const leaving = await dial(house);
  leaving.socket.write(Buffer.from([22, 3, 1, 2, 0, 1]));
  leaving.socket.end();
  await leaving.isClosed();
  const reset = await dial(house);
  reset.socket.resetAndDestroy();
  while ((house.server.listeners[0]?.connections ?? 0) > 1)
    await new Promise((resolve) => setImmediate(resolve));
  assert.equal(silent.closed, false);
  await house.clock.advance(29_000);
  assert.equal(silent.closed, false);
  await house.clock.advance(2_000);
  await silent.isClosed();
  const whys = house.events('tls-failed').map(({ why }) => why);
  assert.ok(whys.includes('TLS handshake took too long'), whys.join());
  assert.ok(whys.includes('the client left in mid-handshake'), whys.join());
  assert.equal(house.server.listeners[0]?.connections, 0);
});

test('others are served while many handshakes hang or fail', async () => {
  await using house = await houseWith({ tls: 'implicit' });
  const hanging = await Promise.all(Array.from({ length: 40 }, () => dial(house)));
  hanging.forEach((one, index) => {
    if (index % 2 === 0) one.socket.write('garbage\r\n'.repeat(10));
  });
  const session = await dial(house);
  await session.secure();
  await session.hears(/^220 .*\r\n/);
  await sendOne(session);
  session.socket.destroy();
  await house.clock.advance(31_000);
  await Promise.all(hanging.map((one) => one.isClosed()));
});

test('a client that closes its side inside TLS still gets its replies', async () => {
  await using house = await houseWith();
  const session = await upgraded(house);
  session.socket.end('EHLO client.example\r\nNOOP\r\n');
  await session.hears(/250 2\.0\.0 Ok\r\n/);
  await session.isClosed();
});

test('SCRAM-PLUS can be bound to the TLS connection: both sides export the same data', async () => {
  const bindings: (Uint8Array | undefined)[] = [];
  await using house = await houseWith();
  const session = await upgraded(house);
  await session.say('NOOP').hears(/^250 .*\r\n/);
  for (const listener of house.server.listeners)
    for (const connection of listener.open) bindings.push(connection.channelBinding('tls-exporter'));
  const socket = session.socket as TLSSocket;
  assert.deepEqual(bindings, [socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))]);
  session.socket.destroy();
});

test('a connection refused for its number is closed in silence where TLS comes first', async () => {
  await using house = await houseWith({ tls: 'implicit' }, { limits: { connections: 1 } });
  const first = await dial(house);
  await first.secure();
  const second = connectTls({ host: '127.0.0.1', port: portOf(house, 'mx'), rejectUnauthorized: false });
  await assert.rejects(once(second, 'secureConnect'), /disconnected|ECONNRESET|hang up/i);
  first.socket.destroy();
});
