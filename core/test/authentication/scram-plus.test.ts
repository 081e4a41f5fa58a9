// SCRAM-SHA-256-PLUS over real TLS: both channel bindings, from both ends of the connection.

import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync, type X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { authMemory, openHouse } from '../../src/testing/index.ts';

const fixture = (part: string): string =>
  fileURLToPath(new URL(`../../../../test/fixtures/house.example.${part}.pem`, import.meta.url));

// The fixture is signed with ecdsa-with-SHA256.

/** Says a line and gives the last line of the reply. */
async function say(socket: TLSSocket, line: string | undefined): Promise<string> {
  if (line !== undefined) socket.write(`${line}\r\n`);
  let text = '';
  for (;;) {
    const chunk: string | null = socket.read();
    if (chunk !== null) text += chunk;
    const last = text.trimEnd().split('\r\n').at(-1) ?? '';
    if (text.endsWith('\r\n') && /^\d{3} /.test(`${last} `) && last[3] !== '-') return last;
    if (chunk === null) await new Promise((resolve) => socket.once('readable', resolve));
  }
}

const hmac = (key: Uint8Array, data: string): Buffer => createHmac('sha256', key).update(data).digest();
const b64 = (data: string | Uint8Array): string => Buffer.from(data).toString('base64');

async function authenticate(
  version: 'TLSv1.2' | 'TLSv1.3',
  type: string,
  bindingOf: (socket: TLSSocket) => Uint8Array,
): Promise<string> {
  await using house = await openHouse({
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, tls: 'implicit', auth: 'offered' }],
    tls: { cert: fixture('cert'), key: fixture('key') },
    deadlines: { authDelay: 0 },
    plugins: [authMemory({ users: { ann: 'pencil' } })],
  });
  const port = house.server.addresses[0]?.port as number;
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: version });
  socket.setEncoding('utf8');
  try {
    await say(socket, undefined);
    assert.equal(
      await say(socket, 'EHLO x.example'),
      '250 AUTH PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS',
    );
    const header = `p=${type},,`;
    const bare = 'n=ann,r=client';
    const challenge = await say(socket, `AUTH SCRAM-SHA-256-PLUS ${b64(header + bare)}`);
    if (!challenge.startsWith('334 ')) return challenge.slice(0, 9);
    const first = Buffer.from(challenge.slice(4), 'base64').toString();
    const [, nonce = '', salt = '', iterations] = /^r=(.*),s=(.*),i=(\d+)$/.exec(first) ?? [];
    const salted = pbkdf2Sync('pencil', Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256');
    const clientKey = hmac(salted, 'Client Key');
    const binding = Buffer.concat([Buffer.from(header), bindingOf(socket)]);
    const withoutProof = `c=${b64(binding)},r=${nonce}`;
    const message = `${bare},${first},${withoutProof}`;
    const signature = hmac(createHash('sha256').update(clientKey).digest(), message);
    const proof = clientKey.map((octet, index) => octet ^ (signature[index] as number));
    const final = await say(socket, b64(`${withoutProof},p=${b64(proof)}`));
    if (!final.startsWith('334 ')) return final.slice(0, 9);
    assert.equal(
      Buffer.from(final.slice(4), 'base64').toString(),
      `v=${b64(hmac(hmac(salted, 'Server Key'), message))}`,
    );
    return (await say(socket, '')).slice(0, 9);
  } finally {
    socket.destroy();
  }
}

const exporter = (socket: TLSSocket): Uint8Array =>
  socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
const endPoint = (socket: TLSSocket): Uint8Array =>
  createHash('sha256')
    .update((socket.getPeerX509Certificate() as X509Certificate).raw)
    .digest();

test('tls-exporter binds on TLS 1.3 (RFC 9266), and is not had on TLS 1.2', async () => {
  assert.equal(await authenticate('TLSv1.3', 'tls-exporter', exporter), '235 2.7.0');
  assert.equal(await authenticate('TLSv1.2', 'tls-exporter', exporter), '501 5.5.2');
});

test('tls-server-end-point binds on both, by the hash of the certificate (RFC 5929 §4.1)', async () => {
  assert.equal(await authenticate('TLSv1.3', 'tls-server-end-point', endPoint), '235 2.7.0');
  assert.equal(await authenticate('TLSv1.2', 'tls-server-end-point', endPoint), '235 2.7.0');
});

test('a man in the middle, whose channel is another one, is 535', async () => {
  assert.equal(await authenticate('TLSv1.3', 'tls-exporter', () => Buffer.alloc(32)), '535 5.7.8');
  assert.equal(await authenticate('TLSv1.3', 'tls-server-end-point', () => Buffer.alloc(32)), '535 5.7.8');
});
