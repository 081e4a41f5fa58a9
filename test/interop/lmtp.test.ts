// Programs that speak LMTP to us: Postfix's lmtp client and Python's smtplib.LMTP.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { acceptDomain, deliverMaildir, durableStore, MAIL } from '../support/durable-house.ts';
import { startPostfix } from '../support/postfix-instance.ts';
import { lacks, missingProgram, missingRoot } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { mailIn } from './maildir.ts';
import { run } from './programs.ts';
import { sendRaw } from './send-raw.ts';

const home = new TemporaryFolder('interop-lmtp');
let server: ServerProcess;

before(async () => {
  server = await ServerProcess.start(home.path, {
    control: false,
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, protocol: 'lmtp' }],
    plugins: [durableStore(), acceptDomain(), deliverMaildir()],
  });
});

after(async () => {
  await server?.stop();
  home.remove();
});

test('Postfix delivers to two recipients with its lmtp client', async (t) => {
  if (lacks(t, missingProgram('postconf', 'mail_version') ?? missingRoot())) return;
  using folder = new TemporaryFolder('interop-postfix-lmtp');
  const postfix = await startPostfix(
    folder.path,
    `myhostname = postfix.posthouse.test\ndefault_transport = lmtp:[127.0.0.1]:${server.port}\nrelay_transport = lmtp:[127.0.0.1]:${server.port}\nlmtp_host_lookup = native\nlmtp_dns_support_level = disabled`,
  );
  try {
    const content = Buffer.from('Subject: by lmtp\r\n\r\nHello\r\n');
    await sendRaw(postfix.port, 'a@client.example', ['one@posthouse.test', 'two@posthouse.test'], content);
    for (const box of ['one', 'two']) {
      const [message] = await mailIn(`${home.join(MAIL)}/${box}`, 1).catch((error: Error) => {
        throw new Error(`${error.message}\n${postfix.log()}`);
      });
      assert.match(String(message), /\r\n\tby \S+ with LMTP id /);
    }
    assert.equal(postfix.log().match(/postfix\/lmtp.*status=sent \(250 2\.0\.0 Queued as/g)?.length, 2);
  } finally {
    postfix.stop();
  }
});

test('Python smtplib.LMTP sends a message', async (t) => {
  if (lacks(t, missingProgram('python3', '--version'))) return;
  const script = `
import smtplib, sys
with smtplib.LMTP('127.0.0.1', int(sys.argv[1])) as server:
    print(server.sendmail('a@client.example', ['three@posthouse.test'], b'Subject: x\\r\\n\\r\\nHello\\r\\n'))
`;
  const { status, output } = await run('python3', ['-c', script, String(server.port)]);
  assert.equal(status, 0, output);
  const [message] = await mailIn(`${home.join(MAIL)}/three`, 1);
  assert.match(String(message), /with LMTP id /);
});
