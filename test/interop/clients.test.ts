// Mail programs as people use them, against the reference configuration in a process of its own: what they send
// arrives in the Maildir octet for octet, but for the trace fields on top.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import nodemailer from 'nodemailer';
import { parse } from 'yaml';
import { lacks, missingProgram } from '../support/requirements.ts';
import { type Configuration, ROOT, ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { corpus } from './corpus.ts';
import { mailIn, mailWith, withoutTrace } from './maildir.ts';
import { converse, run } from './programs.ts';

const folder = new TemporaryFolder('interop-clients');
let server: ServerProcess;

before(async () => {
  const reference = parse(
    readFileSync(`${ROOT}examples/reference-mta/posthouse.yaml`, 'utf8'),
  ) as Configuration;
  const listeners = (reference.listeners ?? []).map((listener) => ({ ...listener, port: 0 }));
  Object.assign(listeners[0] ?? {}, { xclient: ['127.0.0.1'] });
  server = await ServerProcess.start(folder.path, { ...reference, listeners });
});

after(async () => {
  await server?.stop();
  folder.remove();
});

const mailbox = (local: string, domain = 'posthouse.test'): string =>
  folder.join('var', 'mail', domain, local);

async function assertArrived(local: string, content: Buffer): Promise<void> {
  const [message] = await mailIn(mailbox(local), 1);
  const arrived = withoutTrace(message as Buffer);
  assert.equal(arrived.length, content.length);
  assert.ok(arrived.equals(content), 'the octets differ');
}

for (const [index, { name, content }] of corpus.entries()) {
  test(`curl: ${name}`, async (t) => {
    if (lacks(t, missingProgram('curl', '--version'))) return;
    const local = `curl${index}`;
    const file = folder.join(local);
    writeFileSync(file, content);
    const url = `smtp://127.0.0.1:${server.port}/client.example`;
    const envelope = ['--mail-from', 'sender@client.example', '--mail-rcpt', `${local}@posthouse.test`];
    const { status, output } = await run('curl', ['-sS', url, ...envelope, '--upload-file', file]);
    assert.equal(status, 0, output);
    await assertArrived(local, content);
  });

  test(`Python smtplib: ${name}`, async (t) => {
    if (lacks(t, missingProgram('python3', '--version'))) return;
    const local = `python${index}`;
    const file = folder.join(local);
    writeFileSync(file, content);
    const script = `
import smtplib, sys
with smtplib.SMTP('127.0.0.1', int(sys.argv[1])) as server:
    server.ehlo('client.example')
    server.sendmail('sender@client.example', [sys.argv[2]], open(sys.argv[3], 'rb').read(), mail_options=['BODY=8BITMIME'])
`;
    const { status, output } = await run('python3', [
      '-c',
      script,
      String(server.port),
      `${local}@posthouse.test`,
      file,
    ]);
    assert.equal(status, 0, output);
    await assertArrived(local, content);
  });

  test(`nodemailer: ${name}`, async () => {
    const local = `nodemailer${index}`;
    const transport = nodemailer.createTransport({ host: '127.0.0.1', port: server.port, ignoreTLS: true });
    const envelope = { from: 'sender@client.example', to: [`${local}@posthouse.test`] };
    await transport.sendMail({ envelope, raw: content });
    transport.close();
    await assertArrived(local, content);
  });
}

test('swaks sends a message with a body of its own', async (t) => {
  if (lacks(t, missingProgram('swaks', '--version'))) return;
  const { status, output } = await run('swaks', [
    ...['--server', '127.0.0.1', '--port', String(server.port), '--ehlo', 'client.example'],
    ...['--from', 'sender@client.example', '--to', 'swaks@posthouse.test', '--pipeline'],
    ...['--header', 'Subject: swaks was here', '--body', '.a dot\n..two dots\nend\n'],
  ]);
  assert.equal(status, 0, output);
  const message = (await mailWith(mailbox('swaks'), 'swaks was here')).toString('latin1');
  assert.match(message, /\r\n\r\n\.a dot\r\n\.\.two dots\r\nend\r\n/);
});

test('a person at telnet is answered line by line', async (t) => {
  // telnet without arguments reads commands; it has no option that only prints its version.
  if (lacks(t, missingProgram('sh', '-c', 'command -v telnet'))) return;
  const lines = [
    'HELO client.example',
    'MAIL FROM:<sender@client.example>',
    'RCPT TO:<telnet@posthouse.test>',
    'DATA',
    'Subject: by hand\n\nTyped.\n.',
    'QUIT',
  ];
  const { output } = await converse('telnet', ['127.0.0.1', String(server.port)], { lines });
  assert.match(output, /250 2\.0\.0 Queued as/);
  const [message] = await mailIn(mailbox('telnet'), 1);
  assert.equal(withoutTrace(message as Buffer).toString(), 'Subject: by hand\r\n\r\nTyped.\r\n');
});

test('an address beyond ASCII arrives with SMTPUTF8', async (t) => {
  if (lacks(t, missingProgram('python3', '--version'))) return;
  const script = `
import smtplib, sys
with smtplib.SMTP('127.0.0.1', int(sys.argv[1])) as server:
    server.ehlo('client.example')
    server.sendmail('sénder@client.example', ['jürgen@posthouse.test'], 'Subject: hi\\r\\n\\r\\nGrüße\\r\\n'.encode(), mail_options=['SMTPUTF8', 'BODY=8BITMIME'])
`;
  const { status, output } = await run('python3', ['-c', script, String(server.port)]);
  assert.equal(status, 0, output);
  await server.until(
    (line) => line.msg === 'recipient-settled' && String(line.recipient).startsWith('jürgen'),
  );
});

test('mail for localhost, plus-addresses and aliases find their mailbox', async (t) => {
  if (lacks(t, missingProgram('swaks', '--version'))) return;
  const send = (to: string): Promise<unknown> =>
    run('swaks', [
      '-s',
      `127.0.0.1:${server.port}`,
      '-f',
      'a@client.example',
      '-t',
      to,
      '--body',
      `for ${to}`,
    ]);
  await send('anna@localhost');
  await send('bert+lists@posthouse.test');
  await send('abuse@posthouse.test');
  await mailWith(mailbox('anna', 'localhost'), 'for anna@localhost');
  await mailWith(mailbox('bert'), 'for bert+lists@posthouse.test');
  await mailWith(mailbox('postmaster'), 'for abuse@posthouse.test');
});

test('swaks --xclient speaks for another client, whom plugins and Received then know', async (t) => {
  if (lacks(t, missingProgram('swaks', '--version'))) return;
  const { status, output } = await run('swaks', [
    ...['--server', '127.0.0.1', '--port', String(server.port)],
    ...['--xclient-name', 'spike.example', '--xclient-addr', '198.51.100.7', '--xclient-helo', 'spike'],
    ...['--helo', 'spike.example', '--from', 'a@client.example', '--to', 'xclient@posthouse.test'],
  ]);
  assert.equal(status, 0, output);
  const [message] = await mailIn(mailbox('xclient'), 1);
  assert.match(String(message), /^Received: from spike\.example \(\[198\.51\.100\.7\]\)/m);
});
