// check-dnsbl and check-client in a real server, with a real unbound that knows a DNS list and the names of some clients.

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
];

before(async () => {
  if (missing !== undefined) return;
  const port = await freePort();
  const zones = ['bl.test.', 'client.test.', '100.51.198.in-addr.arpa.', '8.b.d.0.1.0.0.2.ip6.arpa.'];
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
      { use: '@posthouse/check-dnsbl', config: { zones: ['bl.test'] } },
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

test('the operator hears of the list that refuses questions', async (t) => {
  if (lacks(t, missing)) return;
  const told = await (server as ServerProcess).until(({ level }) => level === 'warn');
  assert.match(told.msg, /the DNS list bl\.test refuses our questions/);
});
