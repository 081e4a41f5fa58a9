// haproxy in front: send-proxy and send-proxy-v2, to a plain listener and to one with implicit TLS. The client's address
// is the client's, in the log and in Received.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { lacks, missingProgram } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { mailIn } from './maildir.ts';
import { run } from './programs.ts';

const folder = new TemporaryFolder('interop-haproxy');
const missing = missingProgram('haproxy', '-v') ?? missingProgram('swaks', '--version');
let server: ServerProcess;
let haproxy: ChildProcess | undefined;
const ports = new Map<string, number>();

/** [name of the frontend, the server's listener, how haproxy introduces clients] */
const FRONTENDS = [
  ['v1', 'mx', 'send-proxy'],
  ['v2', 'mx', 'send-proxy-v2'],
  ['v2-options', 'mx', 'send-proxy-v2 proxy-v2-options crc32c,unique-id,authority'],
  ['v1-tls', 'smtps', 'send-proxy'],
  ['v2-tls', 'smtps', 'send-proxy-v2'],
] as const;

before(async () => {
  if (missing !== undefined) return;
  const common = { host: '127.0.0.1', port: 0, proxy: ['127.0.0.0/8'] };
  server = await ServerProcess.start(folder.path, {
    listeners: [
      { name: 'mx', ...common },
      { name: 'smtps', ...common, tls: 'implicit' },
    ],
    plugins: [
      { use: '@posthouse/store-sqlite', config: { path: './var/queue' } },
      { use: '@posthouse/accept-domains', config: { domains: ['posthouse.test'] } },
      {
        use: '@posthouse/deliver-maildir',
        config: { domains: ['posthouse.test'], path: './var/mail/{local}' },
      },
    ],
  });
  const sections: string[] = [];
  for (const [name, listener, how] of FRONTENDS) {
    const port = await freePort();
    ports.set(name, port);
    sections.push(
      `listen ${name}\n  bind 127.0.0.1:${port}\n  unique-id-format %[uuid()]\n  server posthouse 127.0.0.1:${server.portOf(listener)} ${how}\n`,
    );
  }
  const file = folder.join('haproxy.cfg');
  writeFileSync(
    file,
    `defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n${sections.join('')}`,
  );
  haproxy = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  await Promise.all([...ports.values()].map(listening));
});

after(async () => {
  if (haproxy !== undefined) {
    const ended = once(haproxy, 'close');
    haproxy.kill();
    await ended;
  }
  await server?.stop();
  folder.remove();
});

for (const [name, listener] of FRONTENDS) {
  test(`haproxy ${name}: the client comes through with its own address and port`, async (t) => {
    if (lacks(t, missing)) return;
    const tls = listener === 'smtps' ? ['--tls-on-connect'] : [];
    const { status, output } = await run('swaks', [
      ...[
        '--server',
        '127.0.0.1',
        '--port',
        String(ports.get(name)),
        '--local-interface',
        '127.0.0.3',
        ...tls,
      ],
      ...['--from', 'a@client.example', '--helo', 'client.example', '--to', `${name}@posthouse.test`],
    ]);
    assert.equal(status, 0, output);
    const [message] = await mailIn(folder.join('var', 'mail', name), 1);
    assert.match(String(message), /^Received: from client\.example \(\[127\.0\.0\.3\]\)/m);
  });
}

test('a client that goes around the proxy is closed without a word', async (t) => {
  if (lacks(t, missing)) return;
  const socket = connect({ host: '127.0.0.1', port: server.port });
  let heard = '';
  socket.on('data', (bytes: Buffer) => {
    heard += bytes.toString();
  });
  socket.write('EHLO client.example\r\n');
  await once(socket, 'close');
  assert.equal(heard, '');
  const refused = await server.until(({ msg }) => msg === 'connections-refused');
  assert.equal(refused.why, 'bad-proxy-header');
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** haproxy tells nobody when it listens. */
async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect({ host: '127.0.0.1', port });
    try {
      await once(socket, 'connect');
      socket.destroy();
      return;
    } catch {
      await delay(50);
    }
  }
  throw new Error(`haproxy does not listen on ${port}: ${readFileSync(folder.join('haproxy.cfg'), 'utf8')}`);
}
