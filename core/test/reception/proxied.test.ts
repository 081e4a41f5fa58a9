// Listeners behind a proxy: who the client is, who may say so, and what becomes of those who say nothing or nonsense.

import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { definePlugin, type SessionView, Verdict } from '../../src/index.ts';
import { type HouseOptions, type OpenHouse, openHouse } from '../../src/testing/index.ts';
import { binaryHeader, IPV4, tlv } from './proxy-headers.ts';
import { CertificateFolder, Client, dial } from './sockets.ts';

const PROXY = '203.0.113.9';
const LINE = 'PROXY TCP4 192.0.2.77 198.51.100.2 40001 26\r\n';

const seen: SessionView[] = [];
const watches = definePlugin({
  name: 'watches',
  setup: () => ({
    hooks: {
      'on-connect': ({ session }) => {
        seen.push(session);
        return Verdict.continue();
      },
    },
  }),
});

function behindProxy(options: Partial<HouseOptions> = {}): Promise<OpenHouse> {
  return openHouse({
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, proxy: ['203.0.113.0/24', '127.0.0.1'] }],
    plugins: [watches()],
    ...options,
  });
}

interface Spoken {
  readonly stream: Duplex;
  heard(): string;
  readonly closed: () => boolean;
}

function speak(house: OpenHouse, first: string | Buffer, remoteAddress = PROXY): Spoken {
  const stream = house.connect({ remoteAddress });
  let heard = '';
  let closed = false;
  stream.on('data', (bytes: Buffer) => {
    heard += bytes.toString('latin1');
  });
  const end = (): void => {
    closed = true;
  };
  stream.on('end', end).on('close', end);
  // Whoever is closed in mid-word may notice.
  stream.on('error', () => {});
  if (first.length > 0) stream.write(first);
  return { stream, heard: () => heard, closed: () => closed };
}

test('the client is whom the header names, in facts, events and Received', async () => {
  await using house = await behindProxy();
  for (const header of [
    LINE,
    binaryHeader({
      addresses: Buffer.from([192, 0, 2, 77, 198, 51, 100, 2, 0x9c, 0x41, 0, 26]),
      tlvs: [tlv(0x02, 'mx.example.org')],
    }),
  ]) {
    const { heard, stream } = speak(house, header);
    await house.clock.advance(0);
    assert.match(heard(), /^220 /);
    const session = seen.at(-1);
    assert.deepEqual(
      [session?.remoteAddress, session?.remotePort, session?.localAddress, session?.localPort],
      ['192.0.2.77', 40_001, '198.51.100.2', 26],
    );
    assert.equal(session?.proxy?.address, PROXY);
    assert.equal(session?.proxy?.serverName, typeof header === 'string' ? undefined : 'mx.example.org');
    stream.destroy();
  }
  const [opened] = house.events('connection-opened');
  assert.equal(opened?.remoteAddress, '192.0.2.77');
  assert.equal(opened?.proxy, PROXY);
});

test('what follows the header in the same segment is the client’s, and an octet at a time is the same', async () => {
  await using house = await behindProxy();
  const together = speak(house, `${LINE}EHLO client.example\r\nQUIT\r\n`);
  await house.clock.advance(0);
  assert.match(together.heard(), /^220 .*\r\n250-[\s\S]*\r\n221 /);
  const slow = speak(house, '');
  for (const octet of `${LINE}EHLO client.example\r\nQUIT\r\n`) slow.stream.write(octet, 'latin1');
  await house.clock.advance(0);
  assert.equal(slow.heard(), together.heard());
});

test('a proxy that speaks for itself (LOCAL, UNKNOWN) is the client', async () => {
  await using house = await behindProxy();
  for (const header of [binaryHeader({ command: 0x20 }), 'PROXY UNKNOWN\r\n']) {
    const { heard, stream } = speak(house, header);
    await house.clock.advance(0);
    assert.match(heard(), /^220 /);
    assert.equal(seen.at(-1)?.remoteAddress, PROXY);
    assert.equal(seen.at(-1)?.proxy, undefined);
    stream.destroy();
  }
});

test('whoever is no proxy, or says nonsense, hears nothing and is closed at once, with a line in the log', async () => {
  await using house = await behindProxy();
  for (const [first, from, why, text] of [
    [LINE, '192.0.2.200', 'not-a-proxy', undefined],
    ['EHLO client.example\r\n', PROXY, 'bad-proxy-header', /no PROXY header/],
    [binaryHeader({ addresses: IPV4.subarray(2) }), PROXY, 'bad-proxy-header', /cut off/],
  ] as const) {
    const { heard, closed } = speak(house, first, from);
    await house.clock.advance(1000);
    assert.equal(closed(), true);
    assert.equal(heard(), '');
    const refused = house.events('connections-refused').at(-1);
    assert.deepEqual([refused?.why, refused?.remoteAddress, refused?.count], [why, from, 1]);
    assert.match(refused?.text ?? '', text ?? /^$/);
  }
  assert.equal(house.events('connection-opened').length, 0);
});

test('a proxy that sends no header in time, or leaves, is let go', async () => {
  await using house = await behindProxy();
  const silent = speak(house, '');
  const half = speak(house, LINE.slice(0, -1));
  const left = speak(house, LINE.slice(0, 9));
  left.stream.end();
  await house.clock.advance(5000);
  assert.deepEqual([silent.closed(), half.closed(), left.closed()], [false, false, true]);
  await house.clock.advance(2000);
  assert.deepEqual([silent.closed(), half.closed()], [true, true]);
  const texts = house.events('connections-refused').map(({ text }) => text);
  assert.deepEqual(texts, ['the proxy left before the PROXY header', 'no PROXY header in time']);
});

test('limits count clients by their own addresses, and the waiting in all', async () => {
  await using house = await behindProxy({ limits: { connectionsPerAddress: 1, connections: 3 } });
  const of = (address: string) => `PROXY TCP4 ${address} 198.51.100.2 40001 26\r\n`;
  const [one, two, again] = ['192.0.2.1', '192.0.2.2', '192.0.2.1'].map((address) =>
    speak(house, of(address)),
  );
  await house.clock.advance(0);
  assert.match(one?.heard() ?? '', /^220 /);
  assert.match(two?.heard() ?? '', /^220 /);
  assert.match(again?.heard() ?? '', /^421 4\.7\.0 Too many connections from your address\r\n/);
  const waiting = speak(house, '');
  const beyond = speak(house, of('192.0.2.3'));
  await house.clock.advance(0);
  assert.match(beyond.heard(), /^421 4\.3\.2 /);
  one?.stream.destroy();
  await house.clock.advance(0);
  waiting.stream.write(of('192.0.2.1'));
  await house.clock.advance(0);
  assert.match(waiting.heard(), /^220 /);
});

test('the header comes before TLS, the handshake in the same segment included', async () => {
  using folder = new CertificateFolder();
  const tls = folder.make('mx', 'house.example');
  for (const kind of ['implicit', 'starttls'] as const) {
    await using house = await behindProxy({
      listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, tls: kind, proxy: ['127.0.0.0/8'] }],
      tls,
    });
    const client = await dial(house);
    client.socket.cork();
    client.socket.write(LINE);
    if (kind === 'implicit') {
      setImmediate((socket) => socket.uncork(), client.socket);
      await client.secure();
      await client.hears(/^220 .*\r\n/);
    } else {
      client.socket.uncork();
      await client.hears(/^220 .*\r\n/);
      await client.say('STARTTLS').hears(/^220 .*\r\n/);
      await client.secure();
    }
    await client.say('EHLO client.example').hears(/250 .*\r\n$/);
    assert.equal(seen.at(-1)?.remoteAddress, '192.0.2.77');
    assert.equal(seen.at(-1)?.tls?.version, 'TLSv1.3');
    client.socket.destroy();
  }
});

test('a server that stops does not wait for headers', async () => {
  const house = await behindProxy();
  const waiting = await dial(house);
  assert.ok(waiting instanceof Client);
  await house.clock.advance(0);
  await house.stop();
  await waiting.isClosed();
});

test('no network that is none, and not the whole Internet, is trusted', async () => {
  for (const [proxy, about] of [
    ['203.0.113.0/33', /prefix length/],
    ['haproxy.example', /not an IP network/],
    ['0.0.0.0/0', /whole Internet/],
  ] as const)
    await assert.rejects(behindProxy({ listeners: [{ name: 'mx', port: 0, proxy: [proxy] }] }), about);
});
