// check-dnsbl and check-client in a real server, with a real unbound that knows a DNS list, a list of links, and the names
// of some clients.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Daemon } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';
import { lacks, missingProgram } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { SmtpClient } from '../support/smtp-client.ts';

const folder = new TemporaryFolder('interop-dns');
const missing = missingProgram('unbound', '-V');
let unbound: Daemon | undefined;
let server: ServerProcess | undefined;

const SIX = '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2';
const RECORDS = [
  '7.100.51.198.bl.test. A 127.0.0.4',
  '7.100.51.198.bl.test. TXT "https://bl.test/198.51.100.7"',
  `${SIX}.bl.test. A 127.0.0.2`,
  '8.100.51.198.bl.test. A 127.255.255.254',
  '7.100.51.198.in-addr.arpa. PTR listed.client.test.',
  'listed.client.test. A 198.51.100.7',
  '9.100.51.198.in-addr.arpa. PTR elsewhere.client.test.',
  'elsewhere.client.test. A 198.51.100.99',
  '8.100.51.198.in-addr.arpa. PTR eight.client.test.',
  'eight.client.test. A 198.51.100.8',
  `${SIX}.ip6.arpa. PTR six.client.test.`,
  'six.client.test. AAAA 2001:db8::1',
  '11.100.51.198.in-addr.arpa. PTR eleven.client.test.',
  'eleven.client.test. A 198.51.100.11',
  // Lists of links have the domains that people register, addresses backwards, and a bit for each kind.
  'spam.co.uk.uri.test. A 127.0.0.2',
  'spam.co.uk.uri.test. TXT "spam.co.uk is advertised in spam"',
  'xn--bcher-kva.de.uri.test. A 127.0.0.2',
  '7.100.51.198.uri.test. A 127.0.0.2',
  'grey.com.uri.test. A 127.0.0.8',
  'refused.com.uri.test. A 127.255.255.254',
];

before(async () => {
  if (missing !== undefined) return;
  const port = await freePort();
  const zones = [
    'bl.test.',
    'uri.test.',
    'client.test.',
    '100.51.198.in-addr.arpa.',
    '8.b.d.0.1.0.0.2.ip6.arpa.',
  ];
  writeFileSync(
    folder.join('unbound.conf'),
    [
      'server:',
      `  interface: 127.0.0.1\n  port: ${port}\n  do-daemonize: no\n  use-syslog: no\n  username: ""\n  chroot: ""`,
      `  directory: "${folder.path}"\n  pidfile: "${folder.join('unbound.pid')}"\n  module-config: "iterator"`,
      ...zones.map((zone) => `  local-zone: "${zone}" static`),
      ...RECORDS.map((record) => `  local-data: '${record}'`),
      'remote-control:\n  control-enable: no\n',
    ].join('\n'),
  );
  unbound = await Daemon.start('unbound', ['-d', '-c', folder.join('unbound.conf')], { port });
  server = await ServerProcess.start(folder.path, {
    dns: { servers: [`127.0.0.1:${port}`] },
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, xclient: ['127.0.0.0/8'] }],
    plugins: [
      { use: '@posthouse/store-sqlite', config: { path: './var/queue' } },
      {
        use: '@posthouse/check-client',
        config: { noReverseName: 'reject', unconfirmedReverseName: 'defer' },
      },
      {
        use: '@posthouse/check-dnsbl',
        config: {
          zones: [
            'bl.test',
            { zone: 'uri.test', of: ['link'], answers: { '127.0.0.&2': 1, '127.0.0.&8': 0.5 } },
          ],
        },
      },
      { use: '@posthouse/accept-domains', config: { domains: ['house.test'] } },
      { use: '@posthouse/deliver-maildir', config: { domains: ['house.test'], path: './mail/{local}' } },
    ],
  });
});

after(async () => {
  await server?.stop();
  await unbound?.stop();
  folder.remove();
});

/** What a client at that address hears after MAIL. */
async function mailFrom(address: string): Promise<string> {
  const client = await SmtpClient.greet((server as ServerProcess).port);
  await client.command(`XCLIENT ADDR=${address}`);
  await client.command('EHLO client.test');
  const { code, text } = await client.command('MAIL FROM:<ann@client.test>');
  client.destroy();
  return `${code} ${text}`;
}

const table: readonly (readonly [what: string, address: string, reply: RegExp])[] = [
  [
    'a client that the list knows is refused with its text',
    '198.51.100.7',
    /^550 5\.7\.1 Client \[198\.51\.100\.7\] is listed by bl\.test: https:\/\/bl\.test\/198\.51\.100\.7$/,
  ],
  ['so is one of IPv6', 'IPv6:2001:db8::1', /^550 5\.7\.1 Client \[2001:db8::1\] is listed by bl\.test$/],
  ['a list that refuses the question lists nobody', '198.51.100.8', /^250 /],
  ['an address without a name is refused', '198.51.100.10', /^550 5\.7\.25 /],
  ['a name that leads elsewhere confirms nothing', '198.51.100.9', /^451 4\.7\.25 /],
];
for (const [what, address, reply] of table) {
  test(what, async (t) => {
    if (lacks(t, missing)) return;
    assert.match(await mailFrom(address), reply);
  });
}

/** What a client that no list knows hears of a message with that body. */
async function message(body: string): Promise<string> {
  const client = await SmtpClient.greet((server as ServerProcess).port);
  await client.command('XCLIENT ADDR=198.51.100.11');
  await client.command('EHLO client.test');
  const envelope = { sender: 'ann@client.test', recipients: ['box@house.test'] };
  const { code, text } = await client.send(envelope, `From: <ann@client.test>\r\n${body}\r\n`);
  client.destroy();
  return `${code} ${text}`;
}

const encoded = Buffer.from('<a href="http://spam.co.uk/">x</a>').toString('base64');
const links: readonly (readonly [what: string, body: string, reply: RegExp])[] = [
  [
    'a message that links to what the list knows is refused with its text',
    '\r\nsee https://www.spam.co.uk/buy now',
    /^550 5\.7\.1 The message links to spam\.co\.uk, which is listed by uri\.test: spam\.co\.uk is advertised in spam$/,
  ],
  [
    'so is one whose text is encoded',
    `Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n${encoded}`,
    /^550 5\.7\.1 .* spam\.co\.uk/,
  ],
  [
    'one that links to an international name',
    '\r\nhttp://www.bücher.de/',
    /^550 5\.7\.1 .* xn--bcher-kva\.de/,
  ],
  ['one that links to an address', '\r\nhttp://198.51.100.7/x', /^550 5\.7\.1 .* 198\.51\.100\.7,/],
  ['what weighs less than the threshold is taken', '\r\nhttp://grey.com/', /^250 /],
  ['a list of links that refuses the question lists nobody', '\r\nhttp://refused.com/', /^250 /],
  ['links that the list does not know are taken', '\r\nhttp://other.org/ and http://co.uk/', /^250 /],
];
for (const [what, body, reply] of links) {
  test(what, async (t) => {
    if (lacks(t, missing)) return;
    assert.match(await message(body), reply);
  });
}

test('the operator hears of the list that refuses questions', async (t) => {
  if (lacks(t, missing)) return;
  const told = await (server as ServerProcess).until(({ level }) => level === 'warn');
  assert.match(told.msg, /the DNS list bl\.test refuses our questions/);
});
