// TLS as mail programs speak it: STARTTLS and implicit TLS with openssl, swaks, curl and nodemailer, names by SNI, client
// certificates, and a renewal while the server runs.

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import nodemailer from 'nodemailer';
import { lacks, missingProgram } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { mailIn } from './maildir.ts';
import { run } from './programs.ts';

const folder = new TemporaryFolder('interop-tls');
const missing = missingProgram('openssl', 'version');
let server: ServerProcess;

/** An authority, and certificates that it signed, as openssl makes them. */
async function makeCertificate(name: string, subject: string, names: string): Promise<void> {
  const file = (ending: string): string => folder.join(`${name}.${ending}`);
  const openssl = async (...args: string[]): Promise<void> => {
    const { status, output } = await run('openssl', args);
    assert.equal(status, 0, output);
  };
  if (name === 'ca') {
    await openssl(
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', subject],
      ...['-keyout', file('key.pem'), '-out', file('cert.pem')],
    );
    return;
  }
  writeFileSync(file('ext'), `subjectAltName=${names}\n`);
  await openssl(
    ...['req', '-newkey', 'rsa:2048', '-nodes', '-subj', subject],
    ...['-keyout', file('key.pem'), '-out', file('csr')],
  );
  await openssl(
    ...[
      'x509',
      '-req',
      '-in',
      file('csr'),
      '-CA',
      folder.join('ca.cert.pem'),
      '-CAkey',
      folder.join('ca.key.pem'),
    ],
    ...['-CAcreateserial', '-days', '30', '-extfile', file('ext'), '-out', file('cert.pem')],
  );
}

before(async () => {
  if (missing !== undefined) return;
  await makeCertificate('ca', '/CN=Test Authority', '');
  await makeCertificate('mx', '/CN=mx.posthouse.test', 'DNS:mx.posthouse.test,DNS:localhost,IP:127.0.0.1');
  await makeCertificate('wild', '/CN=wild', 'DNS:*.wild.test');
  await makeCertificate('renewed', '/CN=renewed', 'DNS:mx.posthouse.test');
  await makeCertificate('client', '/CN=client.example', 'DNS:client.example');
  const common = { host: '127.0.0.1', port: 0 };
  server = await ServerProcess.start(folder.path, {
    listeners: [
      { name: 'mx', ...common },
      { name: 'smtps', ...common, tls: 'implicit' },
      { name: 'strict', ...common, tlsRequired: true },
      { name: 'partners', ...common, clientCertificates: 'require', clientCa: './ca.cert.pem' },
    ],
    tls: {
      cert: './mx.cert.pem',
      key: './mx.key.pem',
      certificates: [{ cert: './wild.cert.pem', key: './wild.key.pem' }],
    },
    plugins: [
      { use: '@posthouse/store-sqlite', config: { path: './var/queue' } },
      { use: '@posthouse/accept-domains', config: { domains: ['posthouse.test'] } },
      {
        use: '@posthouse/deliver-maildir',
        config: { domains: ['posthouse.test'], path: './var/mail/{local}' },
      },
    ],
  });
});

after(async () => {
  await server?.stop();
  folder.remove();
});

const VERIFIED = ['-CAfile', folder.join('ca.cert.pem'), '-verify_return_error'];

async function received(local: string): Promise<string> {
  const [message] = await mailIn(folder.join('var', 'mail', local), 1);
  return (message as Buffer).toString('latin1');
}

const swaks = (...args: string[]): ReturnType<typeof run> =>
  run('swaks', ['--server', '127.0.0.1', '--helo', 'client.example', '--from', 'a@client.example', ...args]);

for (const version of ['tls1_2', 'tls1_3']) {
  test(`openssl s_client -starttls smtp with ${version} verifies the certificate and gets the mail through`, async (t) => {
    if (lacks(t, missing)) return;
    const local = `openssl-${version}`;
    const dialogue = [
      'EHLO client.example',
      'MAIL FROM:<a@client.example>',
      `rCPT TO:<${local}@posthouse.test>`,
      'DATA',
    ];
    const input = `${[...dialogue, 'Subject: openssl', '', 'Hello', '.', 'QUIT'].join('\r\n')}\r\n`;
    const args = ['-starttls', 'smtp', '-connect', `127.0.0.1:${server.port}`, `-${version}`, '-quiet'];
    const { output } = await run('openssl', ['s_client', ...args, ...VERIFIED], input);
    assert.match(output, /250 2\.0\.0 Queued/);
    assert.match(await received(local), /with ESMTPS \(TLSv1\.[23] cipher TLS_[A-Z0-9_]+\) id /);
  });

  test(`swaks --tls and --tls-on-connect with ${version}`, async (t) => {
    if (lacks(t, missing ?? missingProgram('swaks', '--version'))) return;
    const protocol = [
      '--tls-protocol',
      version.replace('tls1_', 'tlsv1_'),
      '--tls-verify',
      '--tls-ca-path',
      folder.join('ca.cert.pem'),
    ];
    for (const [local, ...args] of [
      [`swaks-${version}`, '--tls', '--port', String(server.port)],
      [`swaks-strict-${version}`, '--tls', '--port', String(server.portOf('strict'))],
      [`swaks-implicit-${version}`, '--tls-on-connect', '--port', String(server.portOf('smtps'))],
    ] as [string, ...string[]][]) {
      const { status, output } = await swaks(...args, ...protocol, '--to', `${local}@posthouse.test`);
      assert.equal(status, 0, output);
      assert.match(await received(local), /with ESMTPS \(/);
    }
  });
}

test('swaks without TLS is refused with 530 where TLS is required', async (t) => {
  if (lacks(t, missing ?? missingProgram('swaks', '--version'))) return;
  const { status, output } = await swaks(
    '--port',
    String(server.portOf('strict')),
    '--to',
    'x@posthouse.test',
  );
  assert.notEqual(status, 0);
  assert.match(output, /530 5\.7\.0 Must issue a STARTTLS command first/);
});

test('curl --ssl-reqd and smtps://', async (t) => {
  if (lacks(t, missing ?? missingProgram('curl', '--version'))) return;
  writeFileSync(folder.join('message'), 'Subject: curl\r\n\r\nHello\r\n');
  for (const [local, url] of [
    ['curl-starttls', `smtp://127.0.0.1:${server.port}/client.example`],
    ['curl-implicit', `smtps://127.0.0.1:${server.portOf('smtps')}/client.example`],
  ] as const) {
    const tls = ['--ssl-reqd', '--cacert', folder.join('ca.cert.pem')];
    const envelope = ['--mail-from', 'a@client.example', '--mail-rcpt', `${local}@posthouse.test`];
    const { status, output } = await run('curl', [
      '-sS',
      url,
      ...tls,
      ...envelope,
      '-T',
      folder.join('message'),
    ]);
    assert.equal(status, 0, output);
    assert.match(await received(local), /with ESMTPS \(/);
  }
});

test('nodemailer: requireTLS and secure', async (t) => {
  if (lacks(t, missing)) return;
  const tls = { ca: readFileSync(folder.join('ca.cert.pem')), servername: 'mx.posthouse.test' };
  for (const [local, options] of [
    ['nodemailer-starttls', { port: server.port, requireTLS: true }],
    ['nodemailer-implicit', { port: server.portOf('smtps'), secure: true }],
  ] as const) {
    const transport = nodemailer.createTransport({ host: '127.0.0.1', ...options, tls });
    await transport.sendMail({ from: 'a@client.example', to: `${local}@posthouse.test`, text: 'Hello' });
    transport.close();
    assert.match(await received(local), /with ESMTPS \(/);
  }
});

/** The subject of the certificate that openssl is shown. */
async function shown(name: string): Promise<string> {
  const args = ['-starttls', 'smtp', '-connect', `127.0.0.1:${server.port}`, '-servername', name];
  const { output } = await run('openssl', ['s_client', ...args], 'QUIT\r\n');
  return /^subject=(.*)$/m.exec(output)?.[1] ?? output;
}

test('the name that a client asks for chooses the certificate', async (t) => {
  if (lacks(t, missing)) return;
  assert.match(await shown('mx.posthouse.test'), /mx\.posthouse\.test/);
  assert.match(await shown('anything.wild.test'), /wild/);
  assert.match(await shown('elsewhere.example'), /mx\.posthouse\.test/);
});

test('a listener that requires client certificates serves who has one and tells others 554', async (t) => {
  if (lacks(t, missing ?? missingProgram('swaks', '--version'))) return;
  const port = String(server.portOf('partners'));
  const certificate = [
    '--tls-cert',
    folder.join('client.cert.pem'),
    '--tls-key',
    folder.join('client.key.pem'),
  ];
  const good = await swaks('--tls', ...certificate, '--port', port, '--to', 'partner@posthouse.test');
  assert.equal(good.status, 0, good.output);
  assert.match(await received('partner'), /client client\.example verified\)/);
  const { output } = await swaks('--tls', '--port', port, '--to', 'stranger@posthouse.test');
  assert.match(output, /554 5\.7\.0 Command refused due to lack of security/);
  await server.until(
    ({ msg, client }) =>
      msg === 'tls-established' && (client as { verified?: boolean } | undefined)?.verified === true,
  );
});

test('openssl cannot renegotiate, and the connection does not mind', async (t) => {
  if (lacks(t, missing)) return;
  const args = ['-starttls', 'smtp', '-connect', `127.0.0.1:${server.port}`, '-tls1_2'];
  // A line that begins with R is a command to s_client.
  const { output } = await run('openssl', ['s_client', ...args], 'R\nQUIT\r\n');
  assert.match(output, /no renegotiation/);
});

test('a renewed certificate is in use after SIGHUP, and a broken one changes nothing and is told', async (t) => {
  if (lacks(t, missing)) return;
  for (const part of ['cert', 'key'])
    copyFileSync(folder.join(`renewed.${part}.pem`), folder.join(`mx.${part}.pem`));
  const loads = (): number => server.log.filter(({ msg }) => msg === 'certificates-loaded').length;
  const before = loads();
  process.kill(server.pid, 'SIGHUP');
  await server.until(() => loads() > before);
  assert.match(await shown('mx.posthouse.test'), /renewed/);
  writeFileSync(folder.join('mx.cert.pem'), 'broken');
  process.kill(server.pid, 'SIGHUP');
  await server.until(({ msg }) => msg === 'certificates-refused');
  assert.match(await shown('mx.posthouse.test'), /renewed/);
});
