// Mail programs that authenticate, by every mechanism and TLS mode that they have in common with us: what they send
// arrives octet for octet, and without authentication, or under another's address, nothing is taken.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, type TestContext, test } from 'node:test';
import { createTransport, type Transporter } from 'nodemailer';
import type SmtpTransport from 'nodemailer/lib/smtp-transport/index.js';
import { MAIL } from '../support/durable-house.ts';
import { type CertificateFiles, makeCertificate } from '../support/loopback-certificate.ts';
import { lacks, missingProgram } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import {
  PASSWORD,
  SENDER,
  submissionHouse,
  TOKEN,
  UNICODE_PASSWORD,
  UNICODE_USER,
  USER,
} from '../support/submission-house.ts';
import { corpusFrom, type Sample } from './corpus.ts';
import { mailIn, withoutTrace } from './maildir.ts';
import { converse, type Ran, run } from './programs.ts';

const WHOLE = 'Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <whole@posthouse.test>\r\n';
const corpus = corpusFrom(SENDER, WHOLE);
const plain = corpus[0] as Sample;

const folder = new TemporaryFolder('interop-submission');
let server: ServerProcess;
let tls: CertificateFiles;

const NO_OPENSSL = missingProgram('openssl', 'version');

/** Without openssl there is no certificate, and without one no server. */
function lacksPrograms(t: TestContext, ...programs: readonly string[]): boolean {
  const missing = programs.map((program) => missingProgram(program, '--version'));
  return lacks(t, NO_OPENSSL ?? missing.find((reason) => reason !== undefined));
}

before(async () => {
  if (NO_OPENSSL !== undefined) return;
  tls = makeCertificate(folder.path);
  server = await ServerProcess.start(folder.path, submissionHouse(tls));
});

after(async () => {
  await server?.stop();
  folder.remove();
});

type Mode = 'starttls' | 'implicit' | 'clear';
const MODES: readonly Mode[] = ['starttls', 'implicit', 'clear'];

let counter = 0;
/** A mailbox that no other test has, and a file with the message. */
function letter(content: Buffer = plain.content): {
  readonly to: string;
  readonly box: string;
  readonly file: string;
} {
  counter += 1;
  const box = `box${counter}`;
  const file = folder.join(box);
  writeFileSync(file, content);
  return { to: `${box}@posthouse.test`, box: folder.join(MAIL, box), file };
}

async function assertArrived(box: string, content: Buffer = plain.content): Promise<void> {
  const [message] = await mailIn(box, 1);
  const arrived = withoutTrace(message as Buffer);
  assert.equal(arrived.length, content.length, arrived.subarray(0, 2000).toString('latin1'));
  assert.ok(arrived.equals(content), 'the octets differ');
}

function assertRan({ status, output }: Ran): void {
  assert.equal(status, 0, output);
}

// swaks

const swaks = (mode: Mode, to: string, ...more: readonly string[]): Promise<Ran> => {
  const security = { starttls: ['--tls'], implicit: ['--tls-on-connect'], clear: [] }[mode];
  const where = ['--server', '127.0.0.1', '--port', String(server.portOf(mode)), '--ehlo', 'client.example'];
  return run('swaks', [...where, ...security, '--from', SENDER, '--to', to, ...more]);
};

for (const mode of MODES) {
  for (const mechanism of ['PLAIN', 'LOGIN']) {
    test(`swaks sends over ${mode} with ${mechanism}`, async (t) => {
      if (lacksPrograms(t, 'swaks')) return;
      // It ends the message with a line end of its own.
      const { to, box, file } = letter(plain.content.subarray(0, -2));
      const login = ['--auth', mechanism, '--auth-user', USER, '--auth-password', PASSWORD];
      assertRan(await swaks(mode, to, ...login, '--data', `@${file}`));
      await assertArrived(box);
    });
  }

  test(`swaks without AUTH is refused over ${mode}`, async (t) => {
    if (lacksPrograms(t, 'swaks')) return;
    const { status, output } = await swaks(mode, letter().to);
    assert.notEqual(status, 0);
    assert.match(output, /530 5\.7\.0/);
  });
}

test('swaks with a wrong password is refused', async (t) => {
  if (lacksPrograms(t, 'swaks')) return;
  const login = ['--auth', 'PLAIN', '--auth-user', USER, '--auth-password', 'wrong'];
  const { status, output } = await swaks('starttls', letter().to, ...login);
  assert.notEqual(status, 0);
  assert.match(output, /535 5\.7\.8/);
});

test('swaks finds no AUTH before STARTTLS', async (t) => {
  if (lacksPrograms(t, 'swaks')) return;
  const where = ['--server', '127.0.0.1', '--port', String(server.portOf('starttls')), '--from', SENDER];
  const login = ['--auth', 'PLAIN', '--auth-user', USER, '--auth-password', PASSWORD];
  const { status, output } = await run('swaks', [...where, '--to', letter().to, ...login]);
  assert.notEqual(status, 0);
  assert.doesNotMatch(output, /^<.*250.AUTH/m);
  assert.doesNotMatch(output, /AUTH PLAIN/);
});

test('swaks under the address of another is refused, in the envelope and in From', async (t) => {
  if (lacksPrograms(t, 'swaks')) return;
  const login = ['--auth', 'PLAIN', '--auth-user', USER, '--auth-password', PASSWORD];
  const envelope = await swaks('implicit', letter().to, ...login, '--from', 'eve@posthouse.test');
  assert.match(envelope.output, /550 5\.7\.1 User ann may not send as <eve@posthouse\.test>/);
  const header = await swaks('implicit', letter().to, ...login, '--h-From', 'Ann <eve@posthouse.test>');
  assert.match(header.output, /550 5\.7\.1 User ann may not send as <eve@posthouse\.test> \(From\)/);
});

// curl

const curl = (mode: Mode, to: string, file: string, ...more: readonly string[]): Promise<Ran> => {
  const scheme = mode === 'implicit' ? 'smtps' : 'smtp';
  const url = `${scheme}://localhost:${server.portOf(mode)}/client.example`;
  const security = mode === 'starttls' ? ['--ssl-reqd'] : [];
  const where = ['--silent', '--show-error', '--ipv4', url, '--cacert', tls.cert, ...security];
  return run('curl', [...where, '--mail-from', SENDER, '--mail-rcpt', to, '--upload-file', file, ...more]);
};
const curlPassword = ['--user', `${USER}:${PASSWORD}`];

for (const { name, content } of corpus) {
  test(`curl submits over smtps: ${name}`, async (t) => {
    if (lacksPrograms(t, 'curl')) return;
    const { to, box, file } = letter(content);
    assertRan(await curl('implicit', to, file, ...curlPassword));
    await assertArrived(box, content);
  });
}

for (const mode of MODES) {
  // SCRAM is msmtp's to try: Debian's curl is built without GNU SASL.
  for (const mechanism of ['PLAIN', 'LOGIN', 'XOAUTH2', 'OAUTHBEARER']) {
    test(`curl submits over ${mode} with ${mechanism}`, async (t) => {
      if (lacksPrograms(t, 'curl')) return;
      const { to, box, file } = letter();
      const token = mechanism === 'XOAUTH2' || mechanism === 'OAUTHBEARER';
      const login = token ? ['--user', USER, '--oauth2-bearer', TOKEN] : curlPassword;
      assertRan(await curl(mode, to, file, ...login, '--login-options', `AUTH=${mechanism}`));
      await assertArrived(box);
    });
  }
}

test('curl with a token that nobody gave out is refused', async (t) => {
  if (lacksPrograms(t, 'curl')) return;
  const { to, file } = letter();
  for (const mechanism of ['XOAUTH2', 'OAUTHBEARER']) {
    const login = ['--user', USER, '--oauth2-bearer', 'stolen', '--login-options', `AUTH=${mechanism}`];
    // 67: login denied
    assert.equal((await curl('implicit', to, file, ...login)).status, 67);
  }
});

// nodemailer

test('curl, nodemailer and msmtp submit with a user and a password beyond ASCII', async (t) => {
  if (lacksPrograms(t, 'curl', 'msmtp')) return;
  const first = letter();
  assertRan(await curl('implicit', first.to, first.file, '--user', `${UNICODE_USER}:${UNICODE_PASSWORD}`));
  await assertArrived(first.box);
  const second = letter();
  const transport = nodemailerTransport('starttls', { auth: { user: UNICODE_USER, pass: UNICODE_PASSWORD } });
  await transport.sendMail({ envelope: { from: SENDER, to: [second.to] }, raw: plain.content });
  await assertArrived(second.box);
  for (const mechanism of ['plain', 'scram-sha-256']) {
    const { to, box } = letter();
    const login = [`--user=${UNICODE_USER}`, `--passwordeval=echo "${UNICODE_PASSWORD}"`];
    assertRan(await msmtp('starttls', mechanism, to, plain.content, ...login));
    await assertArrived(box);
  }
});

const nodemailerModes: Readonly<Record<Mode, object>> = {
  starttls: { requireTLS: true },
  implicit: { secure: true },
  clear: { ignoreTLS: true },
};
const nodemailerLogins: Readonly<Record<string, object>> = {
  PLAIN: { authMethod: 'PLAIN', auth: { user: USER, pass: PASSWORD } },
  LOGIN: { authMethod: 'LOGIN', auth: { user: USER, pass: PASSWORD } },
  XOAUTH2: { auth: { type: 'OAuth2', user: USER, accessToken: TOKEN } },
};

function nodemailerTransport(mode: Mode, login: object): Transporter {
  const options: SmtpTransport.Options = {
    ...{ host: 'localhost', port: server.portOf(mode), tls: { ca: readFileSync(tls.cert) } },
    ...nodemailerModes[mode],
    ...login,
  };
  return createTransport(options);
}

for (const mode of MODES) {
  for (const [mechanism, login] of Object.entries(nodemailerLogins)) {
    test(`nodemailer submits over ${mode} with ${mechanism}`, async (t) => {
      if (lacksPrograms(t)) return;
      const { to, box } = letter();
      const transport = nodemailerTransport(mode, login);
      await transport.sendMail({ envelope: { from: SENDER, to: [to] }, raw: plain.content });
      transport.close();
      await assertArrived(box);
    });
  }
}

for (const { name, content } of corpus) {
  test(`nodemailer submits over STARTTLS: ${name}`, async (t) => {
    if (lacksPrograms(t)) return;
    const { to, box } = letter(content);
    const transport = nodemailerTransport('starttls', nodemailerLogins.PLAIN as object);
    await transport.sendMail({ envelope: { from: SENDER, to: [to] }, raw: content });
    transport.close();
    await assertArrived(box, content);
  });
}

// Python smtplib

const PYTHON = `
import smtplib, ssl, sys, time
mode, port, ca, mechanism, user, password, sender, to, file, *options = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
if mode == 'implicit':
    server = smtplib.SMTP_SSL('localhost', int(port), local_hostname='client.example', context=context)
else:
    server = smtplib.SMTP('localhost', int(port), local_hostname='client.example')
with server:
    if mode == 'starttls':
        server.starttls(context=context)
    server.ehlo()
    server.user, server.password = user, password
    if mechanism == 'any':
        server.login(user, password)
    else:
        server.auth(mechanism, getattr(server, 'auth_' + mechanism.lower()))
    later = [time.gmtime(time.time() + int(wait[5:])) for wait in options if wait.startswith('WAIT=')]
    options = [time.strftime('HOLDUNTIL=%Y-%m-%dT%H:%M:%SZ', at) for at in later]
    server.sendmail(sender, [to], open(file, 'rb').read(), mail_options=['BODY=8BITMIME', *options])
`;

for (const mode of MODES) {
  for (const mechanism of ['any', 'PLAIN', 'LOGIN']) {
    test(`Python smtplib submits over ${mode} with ${mechanism === 'any' ? 'what it likes best' : mechanism}`, async (t) => {
      if (lacksPrograms(t, 'python3')) return;
      await python(mode, mechanism, plain.content);
    });
  }
}

for (const { name, content } of corpus) {
  test(`Python smtplib submits over STARTTLS: ${name}`, async (t) => {
    if (lacksPrograms(t, 'python3')) return;
    await python('starttls', 'any', content);
  });
}

/** Seconds; the program counts them from its MAIL on, however long it took to come there. */
const WAIT = 3;

// RFC 4865
test('Python smtplib asks for a later time, and the message comes then', async (t) => {
  if (lacksPrograms(t, 'python3')) return;
  const began = Date.now();
  await python('starttls', 'any', plain.content, `WAIT=${WAIT}`);
  assert.ok(Date.now() - began >= (WAIT - 1) * 1000);
});

async function python(
  mode: Mode,
  mechanism: string,
  content: Buffer,
  ...options: readonly string[]
): Promise<void> {
  const { to, box, file } = letter(content);
  const args = [mode, String(server.portOf(mode)), tls.cert, mechanism, USER, PASSWORD, SENDER, to, file];
  assertRan(await run('python3', ['-c', PYTHON, ...args, ...options]));
  await assertArrived(box, content);
}

// msmtp

const msmtp = (mode: Mode, mechanism: string, to: string, content: Buffer, ...more: readonly string[]) => {
  const token = mechanism === 'xoauth2' || mechanism === 'oauthbearer';
  const secret = folder.join(token ? 'token' : 'password');
  writeFileSync(secret, token ? TOKEN : PASSWORD);
  const security = {
    starttls: ['--tls=on', '--tls-starttls=on', `--tls-trust-file=${tls.cert}`],
    implicit: ['--tls=on', '--tls-starttls=off', `--tls-trust-file=${tls.cert}`],
    clear: ['--tls=off'],
  }[mode];
  const where = ['--host=localhost', `--port=${server.portOf(mode)}`, ...security, '--domain=client.example'];
  const login = [`--auth=${mechanism}`, `--user=${USER}`, `--passwordeval=cat ${secret}`];
  const args = ['--file=/dev/null', ...where, ...login, `--from=${SENDER}`, ...more, to];
  return run('msmtp', args, content);
};

for (const mode of MODES) {
  // It shows nobody a password without TLS, and SCRAM shows none.
  const mechanisms = mode === 'clear' ? [] : ['plain', 'login', 'xoauth2', 'oauthbearer'];
  for (const mechanism of [...mechanisms, 'scram-sha-256']) {
    test(`msmtp submits over ${mode} with ${mechanism}`, async (t) => {
      if (lacksPrograms(t, 'msmtp')) return;
      const { to, box } = letter();
      assertRan(await msmtp(mode, mechanism, to, plain.content));
      await assertArrived(box);
    });
  }
}

for (const { name, content } of corpus) {
  test(`msmtp submits over TLS: ${name}`, async (t) => {
    if (lacksPrograms(t, 'msmtp')) return;
    const { to, box } = letter(content);
    assertRan(await msmtp('implicit', 'scram-sha-256', to, content));
    await assertArrived(box, content);
  });
}

test('msmtp hears that a wrong password is wrong', async (t) => {
  if (lacksPrograms(t, 'msmtp')) return;
  for (const mechanism of ['plain', 'scram-sha-256']) {
    const wrong = ['--passwordeval=echo wrong'];
    const { status, output } = await msmtp('starttls', mechanism, letter().to, plain.content, ...wrong);
    assert.notEqual(status, 0);
    assert.match(output, /535 5\.7\.8|authentication failed/i);
  }
});

// openssl s_client

for (const mode of ['starttls', 'implicit'] as const) {
  test(`a person at openssl s_client submits over ${mode}`, async (t) => {
    if (lacksPrograms(t)) return;
    const { to, box } = letter();
    const response = Buffer.from(`\0${USER}\0${PASSWORD}`).toString('base64');
    const lines = [
      'EHLO client.example',
      `AUTH PLAIN ${response}`,
      `MAIL FROM:<${SENDER}>`,
      `RCPT TO:<${to}>`,
      'DATA',
      `${plain.content.toString().replaceAll('\r\n', '\n')}.`,
      'QUIT',
    ];
    const starttls = mode === 'starttls' ? ['-starttls', 'smtp', '-name', 'client.example'] : [];
    const where = [
      '-connect',
      `localhost:${server.portOf(mode)}`,
      '-CAfile',
      tls.cert,
      '-verify_return_error',
    ];
    const { output } = await converse('openssl', ['s_client', '-quiet', '-crlf', ...where, ...starttls], {
      lines,
      // Over STARTTLS the greeting is the program's own affair.
      greeted: mode === 'implicit',
    });
    assert.match(output, /250 2\.0\.0 Queued as/);
    await assertArrived(box);
  });
}
