// Real clients authenticate with every mechanism they have in common with us, against users in a file, behind a web
// service and in the real Dovecot; and what they send is accepted for it.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { lacks, missingProgram } from '../support/requirements.ts';
import { ROOT, ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { type Dovecot, missingDovecot, PASSWORD, startDovecot } from './dovecot.ts';
import { mailWith } from './maildir.ts';
import { run } from './programs.ts';

const folder = new TemporaryFolder('interop-auth');
const CLI = `${ROOT}core/dist/src/cli/main.js`;
const CERTIFICATE = `${ROOT}test/fixtures/house.example.cert.pem`;
const TOKEN = 'mF_9.B5f-4.1JqM';
let web: Server;
let server: ServerProcess;
let dovecot: Dovecot | undefined;

before(async () => {
  web = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      const good = JSON.parse(text).token === TOKEN;
      response.writeHead(good ? 200 : 401).end(good ? '{"user":"ann"}' : '');
    });
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  for (const scheme of ['scrypt', 'scram-sha-256']) {
    const file = folder.join(`users-${scheme}`);
    const made = await run(
      process.execPath,
      [CLI, 'passwd', '--file', file, '--scheme', scheme, 'ann'],
      'pencil\n',
    );
    assert.equal(made.status, 0, made.output);
  }
  if (missingDovecot() === undefined) {
    mkdirSync(folder.join('dovecot'));
    dovecot = await startDovecot(folder.join('dovecot'));
  }
  const listener = (name: string, more: object = {}): object => ({
    name,
    host: '127.0.0.1',
    port: 0,
    tls: 'starttls',
    auth: 'required',
    ...more,
  });
  server = await ServerProcess.start(folder.path, {
    hostname: 'house.example',
    tls: { cert: CERTIFICATE, key: CERTIFICATE.replace('.cert.', '.key.') },
    listeners: [
      listener('file'),
      listener('scram'),
      listener('token', { authMechanisms: ['OAUTHBEARER', 'XOAUTH2'] }),
      ...(dovecot === undefined ? [] : [listener('dovecot')]),
    ],
    deadlines: { authDelay: '0s' },
    plugins: [
      { use: '@posthouse/store-sqlite', config: { path: './var/queue' } },
      { use: '@posthouse/auth-file', on: ['file'], config: { path: './users-scrypt' } },
      {
        use: '@posthouse/auth-file',
        name: 'auth-file-scram',
        on: ['scram'],
        config: { path: './users-scram-sha-256' },
      },
      {
        use: '@posthouse/auth-http',
        on: ['token'],
        config: { url: `http://127.0.0.1:${(web.address() as AddressInfo).port}/`, tokens: true },
      },
      ...(dovecot === undefined
        ? []
        : [{ use: '@posthouse/auth-dovecot', on: ['dovecot'], config: { socket: dovecot.authSocket } }]),
      { use: '@posthouse/accept-domains', config: { domains: ['posthouse.test'] } },
      {
        use: '@posthouse/deliver-maildir',
        config: { domains: ['posthouse.test'], path: './var/mail/{domain}/{local}' },
      },
    ],
  });
});

after(async () => {
  await server?.stop();
  await dovecot?.stop();
  web?.close();
  folder.remove();
});

const RECIPIENT = 'ann@posthouse.test';

/** How a program of the name is told what to do. Its exit status is 0 when the message was accepted. */
function swaks(listener: string, mechanism: string, password: string, subject = 'test') {
  return run('swaks', [
    ...['--server', `127.0.0.1:${server.portOf(listener)}`, '--tls', '--auth', mechanism],
    ...['--auth-user', 'ann', '--auth-password', password, '--from', 'a@client.example', '--to', RECIPIENT],
    ...['--header', `Subject: ${subject}`],
  ]);
}

function msmtp(listener: string, mechanism: string, password: string) {
  return run(
    'msmtp',
    [
      ...[
        '--file=/dev/null',
        '--host=127.0.0.1',
        `--port=${server.portOf(listener)}`,
        '--tls',
        '--tls-certcheck=off',
      ],
      ...[
        `--auth=${mechanism}`,
        '--user=ann',
        `--passwordeval=echo ${password}`,
        '--from=a@client.example',
        RECIPIENT,
      ],
    ],
    'Subject: test\r\n\r\nHello\r\n',
  );
}

function curl(listener: string, mechanism: string, password: string) {
  const bearer = mechanism === 'OAUTHBEARER' || mechanism === 'XOAUTH2';
  return run(
    'curl',
    [
      ...['-sS', '-k', '--ssl-reqd', '--login-options', `AUTH=${mechanism}`],
      ...(bearer ? ['--user', 'ann:', '--oauth2-bearer', password] : ['--user', `ann:${password}`]),
      ...['--mail-from', 'a@client.example', '--mail-rcpt', RECIPIENT, '--upload-file', '-'],
      `smtp://127.0.0.1:${server.portOf(listener)}/client.example`,
    ],
    'Subject: test\r\n\r\nHello\r\n',
  );
}

const WAYS = [
  { program: 'swaks', send: swaks, listener: 'file', mechanism: 'PLAIN', password: 'pencil' },
  { program: 'swaks', send: swaks, listener: 'file', mechanism: 'LOGIN', password: 'pencil' },
  { program: 'curl', send: curl, listener: 'file', mechanism: 'PLAIN', password: 'pencil' },
  { program: 'curl', send: curl, listener: 'file', mechanism: 'LOGIN', password: 'pencil' },
  { program: 'msmtp', send: msmtp, listener: 'file', mechanism: 'plain', password: 'pencil' },
  { program: 'msmtp', send: msmtp, listener: 'scram', mechanism: 'scram-sha-256', password: 'pencil' },
  { program: 'swaks', send: swaks, listener: 'scram', mechanism: 'PLAIN', password: 'pencil' },
  { program: 'curl', send: curl, listener: 'token', mechanism: 'OAUTHBEARER', password: TOKEN },
  { program: 'msmtp', send: msmtp, listener: 'token', mechanism: 'oauthbearer', password: TOKEN },
  { program: 'msmtp', send: msmtp, listener: 'token', mechanism: 'xoauth2', password: TOKEN },
  { program: 'swaks', send: swaks, listener: 'dovecot', mechanism: 'PLAIN', password: PASSWORD },
  { program: 'swaks', send: swaks, listener: 'dovecot', mechanism: 'LOGIN', password: PASSWORD },
] as const;

const succeeded = () => server.log.filter(({ msg }) => msg === 'authentication-succeeded');

for (const { program, send, listener, mechanism, password } of WAYS) {
  test(`${program}: ${mechanism} against ${listener}, right and wrong`, async (t) => {
    if (lacks(t, missingProgram(program, '--version'))) return;
    if (listener === 'dovecot' && lacks(t, missingDovecot())) return;
    const before = succeeded().length;
    const right = await send(listener, mechanism, password);
    assert.equal(right.status, 0, right.output);
    await server.until(() => succeeded().length > before);
    assert.deepEqual(
      succeeded()
        .slice(before)
        .map(({ user, mechanism: used }) => ({ user, used })),
      [{ user: 'ann', used: mechanism.toUpperCase() }],
    );
    const wrong = await send(listener, mechanism, 'guess');
    assert.notEqual(wrong.status, 0, wrong.output);
    assert.match(wrong.output, /535|denied|failed/i);
  });
}

test('what came from an authenticated client says so in Received', async (t) => {
  if (lacks(t, missingProgram('swaks', '--version'))) return;
  const { output, status } = await swaks('file', 'PLAIN', 'pencil', 'ESMTPSA');
  assert.equal(status, 0, output);
  const message = await mailWith(folder.join('var/mail/posthouse.test/ann'), 'Subject: ESMTPSA');
  assert.match(message.toString('latin1'), /^Received: .* with ESMTPSA /ms);
});

test('no password is in the log', () => {
  const text = JSON.stringify(server.log);
  for (const secret of ['pencil', PASSWORD, TOKEN, 'guess']) assert.ok(!text.includes(secret), secret);
});
