// What goes wrong, and what is then said and done: refusals, dead and choosy next hops, bounces, the operator's hand.

import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { CONTROL, durableStore, MAIL } from '../support/durable-house.ts';
import { lacks, missingProgram } from '../support/requirements.ts';
import { type Configuration, ROOT, ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { mailIn, mailWith } from './maildir.ts';
import { run } from './programs.ts';
import { sendRaw } from './send-raw.ts';

const MESSAGE = Buffer.from(
  'From: ann@posthouse.test\r\nMessage-ID: <original@posthouse.test>\r\nSubject: hello\r\n\r\nHi\r\n',
);

/** Mailboxes for posthouse.test, everything else to the next hop; quick to give up. */
function house(
  nextHop: number,
  delivery: object = { retryAfter: ['1s'], expireAfter: '3s', laneRest: '1s' },
): Configuration {
  return {
    control: { socket: `./${CONTROL}` },
    delivery,
    plugins: [
      durableStore(),
      {
        use: '@posthouse/accept-domains',
        config: { domains: ['posthouse.test'], mailboxes: { 'posthouse.test': ['ann', 'bob'] } },
      },
      { use: '@posthouse/accept-networks', config: { networks: ['127.0.0.0/8'] } },
      {
        use: '@posthouse/deliver-maildir',
        config: { domains: ['posthouse.test'], path: `./${MAIL}/{local}` },
      },
      { use: '@posthouse/deliver-smtp', config: { smarthost: `[127.0.0.1]:${nextHop}` } },
    ],
  };
}

/** A port on which nobody listens. */
async function deadPort(): Promise<number> {
  const server = await listen(createServer());
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function listen(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A next hop that refuses recipients whose local part says so, one command at a time. */
async function choosyHop(): Promise<Disposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = await listen(
    createServer((socket) => {
      sockets.add(socket);
      let inBody = false;
      let rest = '';
      socket.write('220 choosy.example ESMTP\r\n');
      socket.on('error', () => socket.destroy());
      socket.on('data', (bytes) => {
        rest += bytes.toString('latin1');
        for (let end = rest.indexOf('\r\n'); end !== -1; end = rest.indexOf('\r\n')) {
          const line = rest.slice(0, end);
          rest = rest.slice(end + 2);
          if (inBody) {
            if (line !== '.') continue;
            inBody = false;
            socket.write('250 2.0.0 Ok\r\n');
          } else if (/^RCPT TO:<refused/i.test(line))
            socket.write('550 5.1.1 No such person at choosy.example\r\n');
          else if (line === 'DATA') {
            inBody = true;
            socket.write('354 Go on\r\n');
          } else if (line === 'QUIT') socket.end('221 2.0.0 Bye\r\n');
          else socket.write('250 Ok\r\n');
        }
      });
    }),
  );
  return {
    port: portOf(server),
    [Symbol.dispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

test('an unknown mailbox is refused to the client, with its code', async () => {
  using folder = new TemporaryFolder('interop-refused');
  await using server = await ServerProcess.start(folder.path, house(await deadPort()));
  const client = await SmtpClient.greet(server.port);
  assert.equal((await client.command('MAIL FROM:<x@client.example>')).code, 250);
  const reply = await client.command('RCPT TO:<nobody@posthouse.test>');
  assert.equal(reply.code, 550);
  assert.match(reply.text, /^5\.1\.1 /);
  await client.quit();
  await server.stop();
});

test('a dead next hop means retries, and after the last one a bounce that mail programs can read', async (t) => {
  if (lacks(t, missingProgram('python3', '--version'))) return;
  using folder = new TemporaryFolder('interop-dead');
  await using server = await ServerProcess.start(folder.path, house(await deadPort()));
  await sendRaw(server.port, 'ann@posthouse.test', ['far@elsewhere.example'], MESSAGE);
  const bounce = await mailWith(folder.join(MAIL, 'ann'), 'delivery-status');
  const attempts = server.log.filter(
    (line) => line.msg === 'recipient-settled' && line.recipient === 'far@elsewhere.example',
  );
  assert.ok(attempts.length >= 2, `${attempts.length} attempts`);
  const script = `
import email, email.policy, sys, json
message = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
parts = list(message.iter_parts())
status = parts[1].get_payload()
print(json.dumps({
  'type': message.get_content_type(), 'report': message.get_param('report-type'), 'to': str(message['To']),
  'auto': message['Auto-Submitted'], 'reply': message['In-Reply-To'], 'parts': [p.get_content_type() for p in parts],
  'defects': [str(d) for d in message.defects], 'reporter': status[0]['Reporting-MTA'], 'final': status[1]['Final-Recipient'],
  'action': status[1]['Action'], 'status': status[1]['Status'], 'returned': parts[2].get_payload() if isinstance(parts[2].get_payload(), str) else str(parts[2].get_payload()[0]),
}))`;
  const { status, output } = await run('python3', ['-c', script], bounce);
  assert.equal(status, 0, output);
  const read = JSON.parse(output) as Record<string, unknown>;
  assert.deepEqual(
    { ...read, returned: undefined },
    {
      type: 'multipart/report',
      report: 'delivery-status',
      to: 'ann@posthouse.test',
      auto: 'auto-replied',
      reply: '<original@posthouse.test>',
      parts: ['text/plain', 'message/delivery-status', 'text/rfc822-headers'],
      defects: [],
      reporter: 'dns; mx.posthouse.test',
      final: 'rfc822; far@elsewhere.example',
      action: 'failed',
      status: '5.4.7',
      returned: undefined,
    },
  );
  assert.match(String(read.returned), /Subject: hello/);
  await server.stop();
});

test('of two recipients one is delivered, and the bounce names the other in the words of the next hop', async () => {
  using folder = new TemporaryFolder('interop-choosy');
  using hop = await choosyHop();
  await using server = await ServerProcess.start(folder.path, house(hop.port));
  await sendRaw(
    server.port,
    'ann@posthouse.test',
    ['good@elsewhere.example', 'refused@elsewhere.example'],
    MESSAGE,
  );
  const [bounce] = await mailIn(folder.join(MAIL, 'ann'), 1);
  assert.match(String(bounce), /Final-Recipient: rfc822; refused@elsewhere\.example/);
  assert.match(String(bounce), /Status: 5\.1\.1/);
  assert.match(String(bounce), /No such person at\s+choosy\.example/);
  assert.doesNotMatch(String(bounce), /good@elsewhere\.example/);
  await server.until(
    (line) => line.msg === 'recipient-settled' && line.recipient === 'good@elsewhere.example',
  );
  await server.stop();
});

test('a bounce that cannot be delivered is not bounced again', async () => {
  using folder = new TemporaryFolder('interop-double');
  using hop = await choosyHop();
  await using server = await ServerProcess.start(folder.path, house(hop.port));
  await sendRaw(server.port, 'refused@stranger.example', ['refused@elsewhere.example'], MESSAGE);
  await server.until((line) => line.msg === 'notice-queued');
  const dropped = await server.until((line) => line.msg === 'notice-dropped');
  assert.deepEqual(dropped.recipients, ['refused@stranger.example']);
  assert.equal(server.log.filter((line) => line.msg === 'notice-queued').length, 1);
  await server.stop();
});

test('the operator sees the queue of a running server, tries again and drops', async () => {
  using folder = new TemporaryFolder('interop-queue');
  const slow = { retryAfter: ['1h'], expireAfter: '5d' };
  await using server = await ServerProcess.start(folder.path, house(await deadPort(), slow));
  await sendRaw(server.port, 'ann@posthouse.test', ['far@elsewhere.example'], MESSAGE);
  await server.until((line) => line.msg === 'attempt-finished' || line.msg === 'recipient-settled');
  const cli = `${ROOT}core/dist/src/cli/main.js`;
  const queue = async (...args: string[]): Promise<string> => {
    const { status, output } = await run(process.execPath, [
      cli,
      'queue',
      ...args,
      '--config',
      folder.join('posthouse.yaml'),
    ]);
    assert.equal(status, 0, output);
    return output;
  };
  assert.match(await queue('list'), /far@elsewhere\.example/);
  const listed = JSON.parse(await queue('list', '--json')) as {
    entries: { item: { id: string; reason: { kind: string } } }[];
  };
  const id = listed.entries[0]?.item.id as string;
  assert.equal(listed.entries[0]?.item.reason.kind, 'deferred');
  assert.match(await queue('show', id), /4\.4\.1/);
  const before = server.log.length;
  await queue('retry', '--recipient', 'far@elsewhere.example');
  await server.until((line) => server.log.indexOf(line) >= before && line.msg === 'recipient-settled');
  await queue('drop', '--recipient', 'far@elsewhere.example', '--yes');
  assert.deepEqual((JSON.parse(await queue('list', '--json')) as { entries: unknown[] }).entries, []);
  await server.stop();
});
