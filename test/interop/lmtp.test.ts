// Programs that speak LMTP to us: Postfix's lmtp client and Python's smtplib.LMTP.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { acceptDomain, deliverMaildir, durableStore, MAIL } from '../support/durable-house.ts';
import { type PostfixInstance, startPostfix } from '../support/postfix-instance.ts';
import { lacks, missingProgram, missingRoot } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { mailIn } from './maildir.ts';
import { run } from './programs.ts';
import { sendRaw } from './send-raw.ts';

const JUDGE = fileURLToPath(new URL('../support/judge-by-local-part.js', import.meta.url));
const home = new TemporaryFolder('interop-lmtp');
let server: ServerProcess;

before(async () => {
  server = await ServerProcess.start(home.path, {
    control: false,
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, protocol: 'lmtp' }],
    plugins: [durableStore(), acceptDomain(), { use: JUDGE }, deliverMaildir()],
  });
});

after(async () => {
  await server?.stop();
  home.remove();
});

/** What became of each recipient, in Postfix's words; waits until it has said so. */
async function settled(postfix: PostfixInstance, recipients: readonly string[]): Promise<readonly string[]> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const log = postfix.log();
    const found = recipients.flatMap((to) => {
      const status = new RegExp(`postfix/lmtp.*to=<${to.replaceAll('.', '\\.')}>.*status=(.*)`).exec(
        log,
      )?.[1];
      return status === undefined ? [] : [status];
    });
    if (found.length === recipients.length) return found;
    if (Date.now() > deadline) throw new Error(`not all were settled:\n${log}`);
    await wait(20);
  }
}

test('Postfix delivers with its lmtp client, and settles each recipient by its own reply', async (t) => {
  if (lacks(t, missingProgram('postconf', 'mail_version') ?? missingRoot())) return;
  using folder = new TemporaryFolder('interop-postfix-lmtp');
  const postfix = await startPostfix(
    folder.path,
    `myhostname = postfix.posthouse.test
default_transport = lmtp:[127.0.0.1]:${server.port}
relay_transport = lmtp:[127.0.0.1]:${server.port}
lmtp_host_lookup = native
lmtp_dns_support_level = disabled`,
  );
  try {
    const content = Buffer.from('Subject: by lmtp\r\n\r\nHello\r\n');
    const recipients = ['one', 'full', 'two', 'busy'].map((local) => `${local}@posthouse.test`);
    await sendRaw(postfix.port, 'a@client.example', recipients, content);
    for (const box of ['one', 'two']) {
      const [message, ...more] = await mailIn(`${home.join(MAIL)}/${box}`, 1).catch((error: Error) => {
        throw new Error(`${error.message}\n${postfix.log()}`);
      });
      assert.match(String(message), /\r\n\tby \S+ with LMTP id /);
      assert.deepEqual(more, []);
    }
    const [one, full, two, busy] = await settled(postfix, recipients);
    for (const accepted of [one, two]) assert.match(String(accepted), /^sent \(250 2\.0\.0 Queued as/);
    assert.match(String(full), /^bounced \(.*550 5\.2\.2 Mailbox full/);
    assert.match(String(busy), /^deferred \(.*450 4\.2\.1 Mailbox busy/);
  } finally {
    postfix.stop();
  }
});

test('Python smtplib.LMTP sends a message', async (t) => {
  if (lacks(t, missingProgram('python3', '--version'))) return;
  const script = `
import smtplib, sys
with smtplib.LMTP('127.0.0.1', int(sys.argv[1])) as server:
    server.ehlo_or_helo_if_needed()
    print(server.sendmail('a@client.example', ['three@posthouse.test'], b'Subject: x\\r\\n\\r\\nHello\\r\\n'))
`;
  const { status, output } = await run('python3', ['-c', script, String(server.port)]);
  assert.equal(status, 0, output);
  const [message] = await mailIn(`${home.join(MAIL)}/three`, 1);
  assert.match(String(message), /with LMTP id /);
});
