// Postfix and Exim as the servers that send to us: what they are given arrives in the Maildir octet for octet.

import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { test } from 'node:test';
import { type CertificateFiles, makeCertificate } from '../support/loopback-certificate.ts';
import { acceptDomain, deliverMaildir, durableStore, MAIL } from '../support/durable-house.ts';
import { EximInstance, missingExim } from '../support/exim-instance.ts';
import { startPostfix } from '../support/postfix-instance.ts';
import { lacks, missingProgram, missingRoot } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { RELAY_PASSWORD, RELAY_USER, submissionHouse } from '../support/submission-house.ts';
import { corpusFrom } from './corpus.ts';
import { mailIn, withoutTrace } from './maildir.ts';
import { sendRaw } from './send-raw.ts';

// Whole, so that no server has anything to add.
const corpus = corpusFrom(
  'sender@client.example',
  'Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <whole@client.example>\r\n',
);
const house = { control: false, plugins: [durableStore(), acceptDomain(), deliverMaildir()] };

async function sendCorpus(port: number): Promise<void> {
  for (const [index, { content }] of corpus.entries())
    await sendRaw(port, 'sender@client.example', [`box${index}@posthouse.test`], content);
}

async function assertCorpus(mail: string, log: () => string): Promise<void> {
  for (const [index, { name, content }] of corpus.entries()) {
    const messages = await mailIn(`${mail}/box${index}`, 1).catch((error: Error) => {
      throw new Error(`${name}: ${error.message}\n${log()}`);
    });
    assert.ok(withoutTrace(messages[0] as Buffer).equals(content), `${name}: the octets differ`);
  }
}

test('Exim sends by MX-like relay, and the octets arrive', async (t) => {
  if (lacks(t, missingExim())) return;
  using folder = new TemporaryFolder('interop-exim');
  using home = new TemporaryFolder('interop-exim-home');
  await using server = await ServerProcess.start(home.path, house);
  const exim = await EximInstance.start(folder.path, { nextHop: server.port, transport: '' });
  try {
    await sendCorpus(exim.port);
    await assertCorpus(home.join(MAIL), () => exim.log());
  } finally {
    await exim.stop();
  }
  await server.stop();
});

test('Postfix sends by MX-like relay, and the octets arrive', async (t) => {
  if (lacks(t, missingProgram('postconf', 'mail_version') ?? missingRoot())) return;
  using folder = new TemporaryFolder('interop-postfix');
  using home = new TemporaryFolder('interop-postfix-home');
  await using server = await ServerProcess.start(home.path, house);
  const postfix = await startPostfix(
    folder.path,
    `myhostname = postfix.posthouse.test
relayhost = [127.0.0.1]:${server.port}
local_header_rewrite_clients =
smtp_line_length_limit = 0
line_length_limit = 4096`,
  );
  try {
    await sendCorpus(postfix.port);
    await assertCorpus(home.join(MAIL), () => postfix.log());
  } finally {
    postfix.stop();
  }
  await server.stop();
});

/** What Received says of how the message came to us. */
async function assertProtocol(mail: string, protocol: string): Promise<void> {
  const [message] = await mailIn(`${mail}/box0`, 1);
  assert.match(String(message), new RegExp(`with ${protocol} \\(TLSv1\\.3 `));
}

const eximLogins: Readonly<Record<string, string>> = {
  PLAIN: `client_send = ^${RELAY_USER}^${RELAY_PASSWORD}`,
  LOGIN: `client_send = : ${RELAY_USER} : ${RELAY_PASSWORD}`,
};

for (const [listener, protocol] of [
  ['starttls', 'smtp'],
  ['implicit', 'smtps'],
] as const) {
  for (const [mechanism, login] of Object.entries(eximLogins)) {
    test(`Exim submits as a smarthost client over ${listener} with AUTH ${mechanism}`, async (t) => {
      if (lacks(t, missingExim() ?? missingProgram('openssl', 'version'))) return;
      using folder = new TemporaryFolder('interop-exim');
      using home = new TemporaryFolder('interop-exim-home');
      const tls = trusted(home, folder);
      await using server = await ServerProcess.start(home.path, submissionHouse(tls));
      const exim = await EximInstance.start(folder.path, {
        nextHop: server.portOf(listener),
        transport: `protocol = ${protocol}
hosts_require_auth = *
hosts_require_tls = *
tls_verify_certificates = ${folder.join('trusted.pem')}
tls_verify_cert_hostnames =`,
        authenticators: `login:
  driver = plaintext
  public_name = ${mechanism}
  ${login}`,
      });
      try {
        await sendCorpus(exim.port);
        await assertCorpus(home.join(MAIL), () => exim.log());
        await assertProtocol(home.join(MAIL), 'ESMTPSA');
      } finally {
        await exim.stop();
      }
      await server.stop();
    });
  }
}

for (const mechanism of ['plain', 'login', 'scram-sha-256']) {
  test(`Postfix submits as a relayhost client over STARTTLS with AUTH ${mechanism}`, async (t) => {
    const missing =
      missingProgram('postconf', 'mail_version') ?? missingProgram('openssl', 'version') ?? missingRoot();
    if (lacks(t, missing)) return;
    using folder = new TemporaryFolder('interop-postfix');
    using home = new TemporaryFolder('interop-postfix-home');
    const tls = trusted(home, folder);
    await using server = await ServerProcess.start(home.path, submissionHouse(tls));
    const hop = `[127.0.0.1]:${server.portOf('starttls')}`;
    const postfix = await startPostfix(
      folder.path,
      `myhostname = postfix.posthouse.test
relayhost = ${hop}
smtp_tls_security_level = verify
smtp_tls_CAfile = ${folder.join('trusted.pem')}
smtp_tls_verify_cert_match = localhost
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = inline:{ {${hop} = ${RELAY_USER}:${RELAY_PASSWORD}} }
smtp_sasl_security_options = noanonymous
smtp_sasl_tls_security_options = noanonymous
smtp_sasl_mechanism_filter = ${mechanism}
local_header_rewrite_clients =
smtp_line_length_limit = 0
line_length_limit = 4096`,
    );
    try {
      await sendCorpus(postfix.port);
      await assertCorpus(home.join(MAIL), () => postfix.log());
      await assertProtocol(home.join(MAIL), 'ESMTPSA');
    } finally {
      postfix.stop();
    }
    await server.stop();
  });
}

/** The certificate of our server, and a copy of it where the sending server can read it. */
function trusted(home: TemporaryFolder, folder: TemporaryFolder): CertificateFiles {
  const tls = makeCertificate(home.path);
  copyFileSync(tls.cert, folder.join('trusted.pem'));
  return tls;
}
