// No relay for whoever borrows another's name: by XCLIENT or a PROXY header from an address that nobody trusts, by a
// login with somebody else's sender, or by the door for LMTP.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import acceptDomains from '@posthouse/accept-domains';
import acceptNetworks from '@posthouse/accept-networks';
import acceptSubmission from '@posthouse/accept-submission';
import { authMemory, deliverMemory, type OpenHouse, openHouse } from '@posthouse/core/testing';

const TRUSTED = '192.0.2.200';
const listener = (name: string, more: object = {}) => ({ name, host: '127.0.0.1', port: 0, ...more });
const login = { auth: 'offered', authWithoutTls: true } as const;

/** A house whose clients in 192.0.2.128/25 and logged-in users may relay, with every door that lets a client borrow a name. */
const open = () =>
  openHouse({
    listeners: [
      listener('mx', login),
      listener('xclient', { ...login, xclient: ['203.0.113.9'] }),
      listener('proxy', { ...login, proxy: ['203.0.113.9'] }),
      listener('lmtp', { ...login, protocol: 'lmtp' }),
      listener('submission', login),
    ],
    plugins: [
      acceptDomains({ domains: ['ours.example'] }),
      acceptNetworks({ networks: ['192.0.2.128/25'] }),
      {
        use: acceptSubmission({ requireAuth: false, senders: ['{user}@ours.example'] }),
        on: ['submission'],
      },
      authMemory({ users: { ann: 'pencil', bob: 'chalk' } }),
      deliverMemory(),
    ],
  });

const relayed = (house: OpenHouse): number => house.events('message-queued').length;

/** Says everything, half-closes, and hears all that comes back. */
async function said(house: OpenHouse, door: string, remoteAddress: string, octets: string): Promise<string> {
  const stream = house.connect({ listener: door, remoteAddress });
  let heard = '';
  stream.on('data', (bytes: Buffer) => {
    heard += bytes.toString('latin1');
  });
  // Whoever is closed in mid-word may notice.
  stream.on('error', () => {});
  const closed = new Promise<void>((resolve) => void stream.once('close', resolve));
  stream.end(octets, 'latin1');
  await closed;
  return heard;
}

const message = (hello: string, sender = 'a@stranger.example'): string =>
  `${hello} stranger.example\r\nMAIL FROM:<${sender}>\r\nRCPT TO:<b@elsewhere.example>\r\nDATA\r\nSubject: x\r\n.\r\nQUIT\r\n`;

const CLAIMS = [
  `XCLIENT ADDR=${TRUSTED}`,
  `XCLIENT ADDR=IPV6:::ffff:${TRUSTED}`,
  'XCLIENT ADDR=127.0.0.1 NAME=localhost',
  'XCLIENT LOGIN=ann',
  `XCLIENT ADDR=${TRUSTED} LOGIN=ann PROTO=ESMTP HELO=ours.example`,
  `xclient addr=${TRUSTED}`,
  `XFORWARD ADDR=${TRUSTED} SOURCE=LOCAL`,
];

for (const door of ['mx', 'xclient', 'lmtp', 'submission']) {
  test(`what a stranger claims by XCLIENT or XFORWARD changes nothing, by the door ${door}`, async () => {
    await using house = await open();
    const hello = door === 'lmtp' ? 'LHLO' : 'EHLO';
    for (const claim of CLAIMS) {
      for (const octets of [
        `${claim}\r\n${message(hello)}`,
        `${hello} x.example\r\n${claim}\r\n${message(hello)}`,
      ]) {
        const heard = await said(house, door, '198.51.100.77', octets);
        // Known to nobody but those whom the listener trusts.
        assert.match(heard, door === 'xclient' ? /^550 5\.7\.0 /m : /^500 5\.5\.1 /m, claim);
        assert.match(heard, /^550 5\.7\.1 /m, claim);
        assert.doesNotMatch(heard, /^(?:354|250 2\.1\.5) /m, claim);
      }
    }
    assert.equal(relayed(house), 0);
  });
}

test('XFORWARD of a trusted proxy is for the log, and opens no relay', async () => {
  await using house = await open();
  const heard = await said(
    house,
    'xclient',
    '203.0.113.9',
    `EHLO x.example\r\nXFORWARD ADDR=${TRUSTED} SOURCE=LOCAL\r\n${message('EHLO')}`,
  );
  assert.match(heard, /^550 5\.7\.1 /m);
  assert.equal(relayed(house), 0);
});

test('a trusted proxy by itself, or for a stranger, opens no relay', async () => {
  await using house = await open();
  for (const claim of ['', 'XCLIENT ADDR=198.51.100.77\r\n', 'XCLIENT ADDR=[UNAVAILABLE]\r\n']) {
    const heard = await said(house, 'xclient', '203.0.113.9', `${claim}${message('EHLO')}`);
    assert.match(heard, /^550 5\.7\.1 /m, claim);
  }
  assert.equal(relayed(house), 0);
});

test('what a proxy once said of a client does not outlast it: a login is gone with the next client', async () => {
  await using house = await open();
  const octets = `XCLIENT ADDR=${TRUSTED} LOGIN=ann\r\nXCLIENT ADDR=198.51.100.77\r\n${message('EHLO')}`;
  assert.match(await said(house, 'xclient', '203.0.113.9', octets), /^550 5\.7\.1 /m);
  assert.equal(relayed(house), 0);
});

const HEADERS = [
  `PROXY TCP4 ${TRUSTED} 198.51.100.1 40000 25\r\n`,
  'PROXY TCP6 ::1 ::1 40000 25\r\n',
  'PROXY UNKNOWN\r\n',
  `\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\xc8\xc6\x33\x64\x01\x9c\x40\0\x19\r\n`,
];

for (const door of ['mx', 'proxy', 'lmtp']) {
  test(`a PROXY header from an address that is no proxy changes nothing, by the door ${door}`, async () => {
    await using house = await open();
    for (const header of HEADERS) {
      const heard = await said(
        house,
        door,
        '198.51.100.77',
        header + message(door === 'lmtp' ? 'LHLO' : 'EHLO'),
      );
      if (door === 'proxy') assert.equal(heard, '', 'whoever is no proxy is closed at once');
      else assert.match(heard, /^550 5\.7\.1 /m);
    }
    assert.equal(relayed(house), 0);
  });
}

test('a second PROXY header, which a client of the proxy sends, is a bad command', async () => {
  await using house = await open();
  for (const header of HEADERS) {
    const octets = `PROXY TCP4 198.51.100.77 198.51.100.1 40000 25\r\n${header}${message('EHLO')}`;
    const heard = await said(house, 'proxy', '203.0.113.9', octets);
    assert.match(heard, /^500 /m);
    assert.match(heard, /^550 5\.7\.1 /m);
  }
  assert.equal(relayed(house), 0);
});

const AUTH_ANN = `AUTH PLAIN ${btoa('\0ann\0pencil')}\r\n`;
const foreignSenders = [
  'bob@ours.example',
  'ann@elsewhere.example',
  'ann@sub.ours.example',
  '"ann@ours.example"@elsewhere.example',
  'ann%ours.example@elsewhere.example',
  'ann+bob@ours.example',
  'postmaster@ours.example',
];

test('a user who has authenticated relays under his own address, and under nobody else’s', async () => {
  await using house = await open();
  for (const sender of foreignSenders) {
    const octets = `EHLO x.example\r\n${AUTH_ANN}${message('EHLO', sender)}`;
    const heard = await said(house, 'submission', '198.51.100.77', octets);
    assert.match(heard, /^235 /m);
    assert.match(heard, /^550 5\.7\.1 /m, sender);
    assert.doesNotMatch(heard, /^354 /m, sender);
  }
  assert.equal(relayed(house), 0);
  const own = message('EHLO', 'ann@ours.example').replace('Subject: x', 'From: ann@ours.example');
  const heard = await said(house, 'submission', '198.51.100.77', `EHLO x.example\r\n${AUTH_ANN}${own}`);
  assert.match(heard, /^250 2\.0\.0 Queued/m);
});

test('nor does From name somebody else for him', async () => {
  await using house = await open();
  for (const from of [
    'bob@ours.example',
    'ann@ours.example, bob@ours.example',
    '"ann@ours.example" <x@y.example>',
  ]) {
    const octets = `EHLO x.example\r\n${AUTH_ANN}${message('EHLO', 'ann@ours.example').replace('Subject: x', `From: ${from}`)}`;
    const heard = await said(house, 'submission', '198.51.100.77', octets);
    assert.match(heard, /^550 5\.7\.1 /m, from);
  }
  assert.equal(relayed(house), 0);
});

test('a login opens only the doors whose plugins say so', async () => {
  await using house = await open();
  for (const [door, hello] of [
    ['mx', 'EHLO'],
    ['lmtp', 'LHLO'],
  ] as const) {
    const octets = `${hello} x.example\r\n${AUTH_ANN}${message(hello)}`;
    const heard = await said(house, door, '198.51.100.77', octets);
    assert.match(heard, /^235 /m);
    assert.match(heard, /^550 5\.7\.1 /m);
  }
  assert.equal(relayed(house), 0);
});

test('what is refused by LMTP leaves no message and no notice', async () => {
  await using house = await open();
  const octets =
    'LHLO x.example\r\nMAIL FROM:<a@stranger.example>\r\nRCPT TO:<b@elsewhere.example>\r\nRCPT TO:<b@ours.example>\r\nDATA\r\nSubject: x\r\n.\r\nQUIT\r\n';
  const heard = await said(house, 'lmtp', '198.51.100.77', octets);
  assert.equal(heard.match(/^250 2\.0\.0 Queued/gm)?.length, 1);
  const [queued, ...more] = house.events('message-queued');
  assert.deepEqual(queued?.recipients, ['b@ours.example']);
  assert.deepEqual(more, []);
});
