// npm run bench:checks: what the checks cost. The same accept as in the bench, bare, with each check by itself, and with
// those of the reference configuration together, for mail with and without a DKIM signature; DNS is a server on loopback.
// The client is a stranger (XCLIENT), since most checks leave this machine alone. All servers are asked in turn.
//
//   --repetitions N   runs of each cell (default 3)
//   --messages N      messages of a run (default 6,000)
//   --only A,B        only these rows, and `bare`
//   --size N          octets of a message (default 4,096)
//   --sessions N      sessions at a time (default 100)

import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BodyHash, signingInput } from '@posthouse/core/dkim';
import { Daemon } from '../support/daemon.ts';
import { dnsZone } from '../support/dns-zone.ts';
import { type FakeDaemons, fakeDaemons } from '../support/fake-daemons.ts';
import { freePort } from '../support/free-port.ts';
import { missingProgram } from '../support/requirements.ts';
import { startConfigured, storeAndOpenHouse } from './contestants/posthouse.ts';
import { benchDisk } from './journaled-disk.ts';
import { type Measurement, measure } from './measure.ts';
import { median } from './report.ts';
import type { Scenario } from './scenario.ts';

const { values } = parseArgs({
  options: {
    repetitions: { type: 'string' },
    messages: { type: 'string' },
    only: { type: 'string' },
    size: { type: 'string' },
    sessions: { type: 'string' },
  },
});
const repetitions = Number(values.repetitions ?? 3);
const messages = Number(values.messages ?? 6_000);
const CLIENT = '192.0.2.10';
const SIZE = Number(values.size ?? 4096);

const plugin = (name: string, config: object = {}, mode = 'enforce'): object => ({
  use: `@posthouse/${name}`,
  mode,
  config,
});
const CLIENT_CHECK = plugin('check-client');
const LIMITS = plugin('check-limits', {
  limits: [
    { count: 'connections', by: 'network', most: 1_000_000, per: '1m' },
    { count: 'messages', by: 'address', most: 1_000_000_000, per: '1h' },
    { count: 'failures', by: 'address', most: 1_000_000, per: '1h' },
  ],
});
const GREYLIST = plugin('check-greylist', { path: './greylist.db' }, 'observe');
const ACCESS = plugin('check-access', {
  rules: [{ of: 'client', entries: ['198.51.100.0/24'], format: 'list' }],
});

/** Who takes part besides the server: daemons, and keys. */
interface Others {
  readonly daemons: FakeDaemons;
  /** The port of a Redis, where there is one. */
  readonly redis: number | undefined;
  /** Private, PEM. */
  readonly key: string;
}

/** Rows: the plugins beside the store. `reference` is what `examples/reference-mta` asks of strangers, in its modes. */
const rowsWith = ({ daemons, redis, key }: Others): Readonly<Record<string, readonly object[]>> => ({
  bare: [],
  'check-client': [CLIENT_CHECK],
  'check-client with names': [plugin('check-client', { unconfirmedReverseName: 'defer' })],
  'check-limits': [LIMITS],
  ...(redis !== undefined && {
    'check-limits by Redis': [plugin('counter-redis', { url: `redis://127.0.0.1:${redis}` }), LIMITS],
  }),
  'check-greylist observing': [GREYLIST],
  'check-access': [ACCESS],
  'check-recipients of a file': [
    plugin('check-recipients', { domains: ['posthouse.test'], file: { path: './mailboxes' } }),
  ],
  'check-recipients asking each time': [
    plugin('check-recipients', {
      domains: ['posthouse.test'],
      nextHop: { host: '127.0.0.1', port: daemons.nextHop },
      requests: 1000,
      knownFor: 0,
    }),
  ],
  'check-sender-domain': [plugin('check-sender-domain')],
  'check-suppression': [plugin('check-suppression', { path: './suppression.db' })],
  'check-dnsbl': [plugin('check-dnsbl', { zones: ['bl.test'] })],
  'check-dnsbl of links': [plugin('check-dnsbl', { zones: [{ zone: 'uri.test', of: ['link'] }] })],
  'check-headers': [plugin('check-headers')],
  'check-score': [plugin('check-client', { noReverseName: 1 }), plugin('check-score')],
  'check-milter': [plugin('check-milter', { milters: [{ at: daemons.milter }], connections: 1000 })],
  'check-clamd': [plugin('check-clamd', { servers: [daemons.clamd], scans: 1000 })],
  'check-rspamd': [plugin('check-rspamd', { url: daemons.rspamd, scans: 1000 })],
  'check-auth observing': [plugin('check-auth', {}, 'observe')],
  'check-auth enforcing': [plugin('check-auth')],
  'check-auth and sign-arc': [
    plugin('check-auth'),
    plugin('sign-arc', { domain: 'posthouse.test', selector: 's2026', key }),
  ],
  'check-auth and report-dmarc': [
    plugin('check-auth'),
    plugin('report-dmarc', {
      path: './reports',
      organization: 'Bench',
      from: 'dmarc@posthouse.test',
      spread: 0,
    }),
  ],
  reference: [CLIENT_CHECK, LIMITS, GREYLIST, plugin('check-auth', {}, 'observe')],
  'reference enforcing': [CLIENT_CHECK, LIMITS, GREYLIST, plugin('check-auth')],
});

function zoneOf(key: string): readonly string[] {
  return [
    'client.example MX 10 mx.client.example',
    'mx.client.example A 192.0.2.10',
    'client.example TXT v=spf1 ip4:198.51.100.0/24 include:_spf.client.example -all',
    '_spf.client.example TXT v=spf1 ip4:192.0.2.0/24 -all',
    '_dmarc.client.example TXT v=DMARC1; p=reject; rua=mailto:dmarc@client.example',
    `s2026._domainkey.client.example TXT v=DKIM1; k=rsa; p=${key}`,
    '10.2.0.192.in-addr.arpa PTR client.example',
    'client.example A 192.0.2.10',
  ];
}

/** An ordinary message, and the same with a signature (RSA 2048, relaxed/relaxed). */
function letters(privateKey: KeyObject): { readonly plain: Buffer; readonly signed: Buffer } {
  const line = 'The quick brown fox jumps over the lazy dog, and then the whole of it again.\r\n';
  const body = `See https://www.client.example/offer\r\n${line.repeat(SIZE / 78)}`;
  const fields = [
    'From: Bench <bench@client.example>\r\n',
    'To: box@posthouse.test\r\n',
    'Subject: load\r\n',
    'Date: Tue, 24 Nov 2026 12:00:00 +0000\r\n',
    `Message-ID: <${createHash('sha256').update(body).digest('hex').slice(0, 20)}@client.example>\r\n`,
    'MIME-Version: 1.0\r\n',
    'Content-Type: text/plain; charset=utf-8\r\n',
  ];
  const hash = new BodyHash('relaxed');
  hash.update(Buffer.from(body));
  const own = `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=client.example; s=s2026;\r\n\th=from:to:subject:date:message-id:mime-version:content-type; bh=${hash.digest()};\r\n\tb=`;
  const signature = sign('sha256', signingInput(fields, own, 'relaxed'), privateKey).toString('base64');
  const plain = `${fields.join('')}\r\n${body}`;
  return {
    plain: Buffer.from(plain),
    signed: Buffer.from(`${own}${signature}\r\n${plain}`),
  };
}

async function bench(): Promise<void> {
  using disk = benchDisk();
  await using dns = await dnsZone();
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { plain, signed } = letters(privateKey);
  dns.hold(zoneOf(publicKey.export({ type: 'spki', format: 'der' }).toString('base64')));
  await using daemons = await fakeDaemons();
  const redis = missingProgram('redis-server', '--version') === undefined ? await freePort() : undefined;
  await using _ = redis === undefined ? undefined : await startRedis(redis, disk.folder);
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const rows = rowsWith({ daemons, redis, key });
  const scenarios = ['plain', 'signed'].map((name): Scenario & { readonly file: string } => {
    const file = join(disk.folder, name);
    writeFileSync(file, name === 'plain' ? plain : signed);
    const sessions = Number(values.sessions ?? 100);
    return {
      job: 'accept',
      source: 'generator',
      sessions,
      size: SIZE,
      connections: 'kept',
      tls: false,
      client: CLIENT,
      file,
    };
  });
  const only = values.only?.split(',');
  const names = Object.keys(rows).filter((name) => name === 'bare' || (only?.includes(name) ?? true));
  const servers = [];
  try {
    for (const [index, name] of names.entries()) {
      const definition = {
        hostname: 'bench.posthouse.test',
        listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, xclient: ['127.0.0.0/8'] }],
        control: false,
        limits: { connectionsPerAddress: 1000, connectionsPerNetwork: 1000, connectionsPerMinute: 100_000 },
        dns: { servers: [dns.server] },
        plugins: [...storeAndOpenHouse(true), ...(rows[name] ?? [])],
      };
      const folder = join(disk.folder, `server-${index}`);
      mkdirSync(folder);
      writeFileSync(join(folder, 'mailboxes'), 'box@posthouse.test\n');
      servers.push(await startConfigured(folder, definition));
    }
    const runs = servers.map(() => scenarios.map((): Measurement[] => []));
    // The first run warms up.
    for (let repetition = 0; repetition <= repetitions; repetition++) {
      for (const [row, server] of servers.entries()) {
        for (const [column, scenario] of scenarios.entries()) {
          const run = await measure(server, scenario, messages, { count: async () => 0 });
          if (repetition > 0) runs[row]?.[column]?.push(run);
        }
      }
    }
    console.log(`\n${table(names, runs)}\n`);
  } finally {
    for (const server of servers) await server.stop();
  }
}

function startRedis(port: number, folder: string): Promise<Daemon> {
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  return Daemon.start('redis-server', settings, { port });
}

function table(names: readonly string[], runs: readonly (readonly Measurement[][])[]): string {
  const cell = (row: number, column: number, of: 'rate' | 'cpu'): number =>
    median((runs[row]?.[column] ?? []).map((run) => run[of]));
  return [
    '| checks | plain, messages/s | CPU-ms | rate, bare = 1 | signed, messages/s | CPU-ms | rate, bare = 1 |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...names.map((name, row) => {
      const cells = [0, 1].flatMap((column) => [
        cell(row, column, 'rate').toFixed(0),
        cell(row, column, 'cpu').toFixed(3),
        (cell(row, column, 'rate') / cell(0, column, 'rate')).toFixed(2),
      ]);
      return `| ${name} | ${cells.join(' | ')} |`;
    }),
  ].join('\n');
}

await bench();
