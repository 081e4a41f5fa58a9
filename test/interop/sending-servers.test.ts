// Postfix and Exim as the servers that send to us: what they are given arrives in the Maildir octet for octet.

import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { acceptDomain, deliverMaildir, durableStore, MAIL } from '../support/durable-house.ts';
import { EximInstance, missingExim } from '../support/exim-instance.ts';
import { type CertificateFiles, makeCertificate } from '../support/loopback-certificate.ts';
import { startPostfix } from '../support/postfix-instance.ts';
import { lacks, missingProgram, missingRoot } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { RELAY_PASSWORD, RELAY_USER, submissionHouse } from '../support/submission-house.ts';
import { corpusFrom, type Sample } from './corpus.ts';
import { mailIn, withoutTrace } from './maildir.ts';
import { sendRaw } from './send-raw.ts';

// Whole, so that no server has anything to add.
const corpus = corpusFrom(
  'sender@client.example',
  'Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <whole@client.example>\r\n',
);
// Each house keeps its mailboxes for all tests.
const home = new TemporaryFolder('interop-sending');
const submissionHome = new TemporaryFolder('interop-sending-submission');
let mx: ServerProcess;
let submission: ServerProcess;
let tls: CertificateFiles;

const NO_OPENSSL = missingProgram('openssl', 'version');

before(async () => {
  if (NO_OPENSSL !== undefined) return;
  mx = await ServerProcess.start(home.path, {
    control: false,
    plugins: [durableStore(), acceptDomain(), deliverMaildir()],
  });
  tls = makeCertificate(submissionHome.path);
  submission = await ServerProcess.start(submissionHome.path, submissionHouse(tls));
});

after(async () => {
  await mx?.stop();
  await submission?.stop();
  home.remove();
  submissionHome.remove();
});

let turns = 0;
/** Sends through the server at the port, and holds what arrives to what was sent. Gives the first message as it lies there. */
async function assertPasses(
  port: number,
  samples: readonly Sample[],
  mail: string,
  log: () => string,
): Promise<string> {
  turns += 1;
  const box = (index: number): string => `turn${turns}box${index}`;
  for (const [index, { content }] of samples.entries())
    await sendRaw(port, 'sender@client.example', [`${box(index)}@posthouse.test`], content);
  let first = '';
  for (const [index, { name, content }] of samples.entries()) {
    const [message] = await mailIn(`${mail}/${box(index)}`, 1).catch((error: Error) => {
      throw new Error(`${name}: ${error.message}\n${log()}`);
    });
    assert.ok(withoutTrace(message as Buffer).equals(content), `${name}: the octets differ`);
    if (index === 0) first = String(message);
  }
  return first;
}

/** A server that authenticates has the whole corpus once; for another mechanism one message will do. */
const [plain] = corpus as readonly [Sample];

const POSTFIX = `myhostname = postfix.posthouse.test
local_header_rewrite_clients =
smtp_line_length_limit = 0
line_length_limit = 4096`;

test('Exim brings mail as other servers do', async (t) => {
  if (lacks(t, NO_OPENSSL ?? missingExim())) return;
  using folder = new TemporaryFolder('interop-exim');
  const exim = await EximInstance.start(folder.path, { nextHop: mx.port, transport: '' });
  try {
    await assertPasses(exim.port, corpus, home.join(MAIL), () => exim.log());
  } finally {
    await exim.stop();
  }
});

test('Postfix brings mail as other servers do', async (t) => {
  if (lacks(t, NO_OPENSSL ?? missingProgram('postconf', 'mail_version') ?? missingRoot())) return;
  using folder = new TemporaryFolder('interop-postfix');
  const postfix = await startPostfix(folder.path, `${POSTFIX}\nrelayhost = [127.0.0.1]:${mx.port}`);
  try {
    await assertPasses(postfix.port, corpus, home.join(MAIL), () => postfix.log());
  } finally {
    postfix.stop();
  }
});

/** What Received says where a user came over TLS. */
const SUBMITTED = /with ESMTPSA \(TLSv1\.3 /;

const eximClients: readonly (readonly [
  listener: 'starttls' | 'implicit',
  mechanism: string,
  send: string,
])[] = [
  ['starttls', 'PLAIN', `^${RELAY_USER}^${RELAY_PASSWORD}`],
  ['implicit', 'PLAIN', `^${RELAY_USER}^${RELAY_PASSWORD}`],
  ['implicit', 'LOGIN', `: ${RELAY_USER} : ${RELAY_PASSWORD}`],
];

for (const [index, [listener, mechanism, send]] of eximClients.entries()) {
  test(`Exim submits over ${listener} with AUTH ${mechanism}`, async (t) => {
    if (lacks(t, NO_OPENSSL ?? missingExim())) return;
    using folder = new TemporaryFolder('interop-exim');
    copyFileSync(tls.cert, folder.join('trusted.pem'));
    const exim = await EximInstance.start(folder.path, {
      nextHop: submission.portOf(listener),
      transport: `protocol = ${listener === 'implicit' ? 'smtps' : 'smtp'}
hosts_require_auth = *
hosts_require_tls = *
tls_verify_certificates = ${folder.join('trusted.pem')}
tls_verify_cert_hostnames =`,
      authenticators: `login:
  driver = plaintext
  public_name = ${mechanism}
  client_send = ${send}`,
    });
    try {
      const samples = index === 0 ? corpus : [plain];
      const log = (): string => exim.log();
      assert.match(await assertPasses(exim.port, samples, submissionHome.join(MAIL), log), SUBMITTED);
    } finally {
      await exim.stop();
    }
  });
}

for (const [index, mechanism] of ['plain', 'login', 'scram-sha-256'].entries()) {
  test(`Postfix submits over STARTTLS with AUTH ${mechanism}`, async (t) => {
    if (lacks(t, NO_OPENSSL ?? missingProgram('postconf', 'mail_version') ?? missingRoot())) return;
    using folder = new TemporaryFolder('interop-postfix');
    copyFileSync(tls.cert, folder.join('trusted.pem'));
    const hop = `[127.0.0.1]:${submission.portOf('starttls')}`;
    const postfix = await startPostfix(
      folder.path,
      `${POSTFIX}
relayhost = ${hop}
smtp_tls_security_level = verify
smtp_tls_CAfile = ${folder.join('trusted.pem')}
smtp_tls_verify_cert_match = localhost
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = inline:{ {${hop} = ${RELAY_USER}:${RELAY_PASSWORD}} }
smtp_sasl_security_options = noanonymous
smtp_sasl_tls_security_options = noanonymous
smtp_sasl_mechanism_filter = ${mechanism}`,
    );
    try {
      const samples = index === 0 ? corpus : [plain];
      const log = (): string => postfix.log();
      assert.match(await assertPasses(postfix.port, samples, submissionHome.join(MAIL), log), SUBMITTED);
    } finally {
      postfix.stop();
    }
  });
}
