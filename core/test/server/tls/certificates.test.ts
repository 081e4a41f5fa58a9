// Which certificate a client gets, and what becomes of changed, broken, missing and old ones.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSecureContext } from 'node:tls';
import { definePlugin, type EventSink } from '../../../src/index.ts';
import { loadConfiguration, resolveDefinition } from '../../../src/server/configuration/index.ts';
import { createServer } from '../../../src/server/server.ts';
import { storeMemory } from '../../../src/server/store-memory.ts';
import { Certificates } from '../../../src/server/tls/certificates.ts';
import { NameTable } from '../../../src/server/tls/names.ts';
import { makeSelfSigned, selfSigned } from '../../../src/server/tls/self-signed.ts';
import { fakeClock, type HouseOptions, type OpenHouse, openHouse } from '../../../src/testing/index.ts';
import { CertificateFolder, upgraded } from '../../reception/sockets.ts';

const DAY = 86_400_000;
const DEFINITION = {
  hostname: 'old.example',
  listeners: [{ name: 'mx', port: 0 }],
  plugins: [storeMemory()],
};
const nothing = definePlugin({ name: 'nothing', setup: () => ({}) });

function houseWith(
  tls: NonNullable<HouseOptions['tls']>,
  options: Partial<HouseOptions> = {},
): Promise<OpenHouse> {
  return openHouse({
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, tls: 'starttls' }],
    tls,
    plugins: [nothing()],
    ...options,
  });
}

/** The common name of the certificate that a client gets that asks for this name. */
async function shown(house: OpenHouse, servername?: string): Promise<string> {
  const session = await upgraded(house, servername === undefined ? {} : { servername });
  const socket = session.socket as import('node:tls').TLSSocket;
  const name = socket.getPeerX509Certificate()?.subject ?? '';
  socket.destroy();
  return name.replace('CN=', '');
}

const TABLE = [
  ['mx.example.org', 'first'],
  ['MX.Example.ORG', 'first'],
  ['mx.example.org.', 'first'],
  ['a.wild.example', 'second'],
  ['b.a.wild.example', 'first'],
  ['wild.example', 'first'],
  ['exact.wild.example', 'third'],
  ['elsewhere.example', 'first'],
  ['', 'first'],
  ['example', 'first'],
  ['__proto__', 'first'],
] as const;

test('a name finds its certificate: exactly, by a wildcard for one label, or the default', () => {
  const table = new NameTable([
    { is: 'first', names: ['mx.example.org'] },
    { is: 'second', names: ['*.wild.example', 'mx.example.org'] },
    { is: 'third', names: ['exact.wild.example', '*.wild.example'] },
  ]);
  for (const [name, is] of TABLE) assert.equal(table.find(name).is, is, name);
});

test('clients get the certificate of the name that they ask for, wildcards included, and else the default', async () => {
  using folder = new CertificateFolder();
  await using house = await houseWith({
    ...folder.make('default', 'mx.example.org'),
    certificates: [folder.make('other', 'mail.example.net'), folder.make('wild', '*.example.com')],
  });
  assert.equal(await shown(house, 'mail.example.net'), 'mail.example.net');
  assert.equal(await shown(house, 'anything.example.com'), '*.example.com');
  assert.equal(await shown(house, 'mx.example.org'), 'mx.example.org');
  assert.equal(await shown(house, 'unknown.example'), 'mx.example.org');
  assert.equal(await shown(house), 'mx.example.org');
});

test('changed files are in use within ten seconds, and open connections keep what they have', async () => {
  using folder = new CertificateFolder();
  await using house = await houseWith(folder.make('mx', 'before.example'));
  const open = await upgraded(house);
  folder.make('mx', 'after.example');
  assert.equal(await shown(house), 'before.example');
  await house.clock.advance(10_000);
  assert.equal(await shown(house), 'after.example');
  await open.say('NOOP').hears(/^250 .*\r\n/);
  open.socket.destroy();
  assert.deepEqual(
    house.events('certificates-loaded').map(({ certificates }) => certificates[0]?.names),
    [['before.example'], ['after.example']],
  );
});

test('a symbolic link that leads elsewhere is a change, as certbot makes it', async () => {
  using folder = new CertificateFolder();
  const [one, two] = [folder.make('one', 'one.example'), folder.make('two', 'two.example')];
  const live = folder.filesOf('live');
  const link = (to: typeof one): void => {
    for (const part of ['cert', 'key'] as const) {
      if (existsSync(live[part])) unlinkSync(live[part]);
      symlinkSync(to[part], live[part]);
    }
  };
  link(one);
  await using house = await houseWith(live);
  assert.equal(await shown(house), 'one.example');
  link(two);
  await house.clock.advance(10_000);
  assert.equal(await shown(house), 'two.example');
});

test('the operator may have them read at once (SIGHUP)', async () => {
  using folder = new CertificateFolder();
  await using house = await houseWith(folder.make('mx', 'before.example'));
  folder.make('mx', 'after.example');
  await house.server.reload();
  assert.equal(await shown(house), 'after.example');
  writeFileSync(folder.filesOf('mx').cert, 'nonsense');
  await assert.rejects(house.server.reload(), /TLS cannot be used/);
  assert.equal(await shown(house), 'after.example');
});

for (const [what, spoil] of [
  ['is no PEM', (files: { cert: string }) => writeFileSync(files.cert, 'nonsense')],
  [
    'is not that of the key',
    (files: { cert: string }) => writeFileSync(files.cert, makeSelfSigned('x.example', Date.now()).cert),
  ],
  ['is gone', (files: { cert: string }) => rmSync(files.cert)],
] as const) {
  test(`a new certificate that ${what} leaves the old ones in use, is told once, and may be mended`, async () => {
    using folder = new CertificateFolder();
    const files = folder.make('mx', 'before.example');
    const other = folder.make('other', 'other.example');
    await using house = await houseWith({ ...files, certificates: [other] });
    spoil(files);
    folder.make('other', 'newer.example');
    await house.clock.advance(60_000);
    assert.equal(await shown(house), 'before.example');
    assert.equal(await shown(house, 'other.example'), 'other.example', 'all or nothing');
    const [refused, ...more] = house.events('certificates-refused');
    assert.ok(refused?.text.startsWith(`${files.cert}: `), refused?.text);
    assert.equal(more.length, 0);
    folder.make('mx', 'after.example');
    await house.clock.advance(10_000);
    assert.equal(await shown(house), 'after.example');
  });
}

/** By itself: in a whole house a day has a hundred thousand ticks. */
test('a certificate near its end is warned of at the start and daily, one past it as an error', async () => {
  using folder = new CertificateFolder();
  const clock = fakeClock();
  const lifetime = 3650 * DAY;
  const files = folder.make('mx', 'old.example', clock.now() - lifetime + 1.5 * DAY);
  const warnings = (expiryWarning: number) => {
    const expired: boolean[] = [];
    const events: EventSink = {
      wants: () => true,
      emit: (name, fact) => {
        if (name === 'certificate-expiring') expired.push((fact as { expired: boolean }).expired);
      },
    };
    const { tls } = resolveDefinition({ ...DEFINITION, tls: { ...files, expiryWarning } }, folder.path);
    const certificates = new Certificates(tls, 'old.example', undefined, clock, events);
    certificates.forListener({ clientCertificates: 'none' } as never);
    certificates.start();
    return Object.assign(expired, { [Symbol.dispose]: () => certificates.stop() });
  };
  using told = warnings(14 * DAY);
  using patient = warnings(3_600_000);
  assert.deepEqual([...told], [false]);
  await clock.advance(DAY);
  assert.deepEqual([...told, ...patient], [false, false]);
  await clock.advance(DAY);
  assert.deepEqual([...told, ...patient], [false, false, true, true]);
  for (const [left, level] of [
    [DAY, 'warn'],
    [-DAY, 'error'],
  ] as const) {
    const near = folder.make('mx', 'old.example', clock.now() - lifetime + left);
    await using house = await houseWith(near, { clock });
    assert.equal(house.log.lines.find(({ text }) => text === 'certificate-expiring')?.level, level);
  }
});

test('no server starts on a certificate that cannot be used', () => {
  using folder = new CertificateFolder();
  const { cert } = folder.make('mx', 'mx.example.org');
  const { key } = folder.make('other', 'mx.example.org');
  assert.throws(
    () =>
      createServer({
        hostname: 'mx.example.org',
        listeners: [{ name: 'mx', port: 0, tls: 'starttls' }],
        tls: { cert, key },
        plugins: [storeMemory()],
      }),
    /tls is no certificate with its key: the key is not that of the certificate/,
  );
});

test('without a certificate a self-signed one is made for the listeners that want TLS, and said so', async () => {
  await using house = await houseWith({});
  assert.equal(await shown(house), 'house.example');
  const [loaded] = house.events('certificates-loaded');
  assert.equal(loaded?.selfSigned, true);
  assert.equal(house.log.lines.find(({ text }) => text === 'certificates-loaded')?.level, 'warn');
  assert.match(
    house.server.cautions().join(),
    /no certificate is configured: a self-signed one is used \(in memory\)/,
  );
});

test('of a configuration file it is kept in var/ for the owner alone, and used again', async () => {
  using folder = new CertificateFolder();
  const file = join(folder.path, 'posthouse.yaml');
  writeFileSync(
    file,
    'hostname: mx.example.org\nlisteners: [{ name: mx, host: 127.0.0.1, port: 0, tls: starttls }]\ncontrol: false\nlog: { level: silent }\nplugins: []\n',
  );
  const definition = await loadConfiguration(file, {});
  const run = async (): Promise<string> => {
    const kept = join(folder.path, 'var/self-signed.pem');
    // The store is no matter here, and a file cannot name the one in memory.
    const plugin = { spec: storeMemory().plugin, name: 'store-memory', use: 'x', config: {}, on: undefined };
    const server = createServer({
      ...definition,
      plugins: [{ ...plugin, mode: 'enforce', onError: 'defer', timeout: undefined }],
    });
    assert.equal(existsSync(kept), false, 'nothing is written before the start');
    await server.start();
    assert.match(server.cautions().join(), /self-signed\.pem/);
    await server.stop();
    assert.equal(statSync(kept).mode & 0o777, 0o600);
    const content = readFileSync(kept, 'utf8');
    rmSync(kept);
    return content;
  };
  const first = await run();
  assert.match(first, /BEGIN CERTIFICATE[\s\S]*BEGIN PRIVATE KEY/);
  const kept = join(folder.path, 'kept.pem');
  const { fingerprint } = selfSigned('mx.example.org', kept, Date.now());
  assert.equal(selfSigned('mx.example.org', kept, Date.now()).fingerprint, fingerprint);
  assert.notEqual(selfSigned('mx.example.net', kept, Date.now()).fingerprint, fingerprint, 'another name');
  writeFileSync(kept, 'broken');
  assert.deepEqual(selfSigned('mx.example.org', kept, Date.now()).names, ['mx.example.org']);
  const later = selfSigned('mx.example.org', kept, Date.now() + 3630 * DAY);
  assert.ok(later.notAfter > Date.now() + 7000 * DAY, 'one that is almost over is made anew');
});

test('the certificate of our own is well formed: names, purpose, times on both sides of 2050, its own signature', () => {
  const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.example`;
  for (const [hostname, now] of [
    ['mx.example.org', Date.UTC(2026, 0, 5)],
    [long, Date.UTC(2045, 0, 5)],
    ['mx', Date.UTC(2060, 0, 5)],
  ] as const) {
    const { cert, key } = makeSelfSigned(hostname, now);
    const x509 = new X509Certificate(cert);
    assert.equal(x509.subjectAltName, `DNS:${hostname}`);
    assert.equal(x509.subject, `CN=${hostname.slice(0, 64)}`);
    assert.equal(x509.issuer, x509.subject);
    assert.equal(x509.ca, false);
    assert.deepEqual(x509.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    assert.equal(x509.verify(x509.publicKey), true);
    assert.equal(x509.checkHost(hostname), hostname);
    assert.equal(Date.parse(x509.validFrom), now - DAY);
    assert.equal(Date.parse(x509.validTo), now + 3650 * DAY);
    createSecureContext({ cert, key });
  }
});
