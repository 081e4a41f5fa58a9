// Against a scripted Dovecot: what it may say, and all that it may do instead. The real one is in test/interop.

import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import type { Authenticator } from '@posthouse/core';
import { fakeClock, mount, openHouse } from '@posthouse/core/testing';
import authDovecot from '../src/index.ts';
import { MAX_SENT_LINE, parseDovecotLine, plainRequest } from '../src/protocol.ts';

const HANDSHAKE =
  'VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t12\nCUID\t1\nCOOKIE\tabc\nDONE\n';

class Dovecot implements AsyncDisposable {
  readonly heard: string[] = [];
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(handshake: string, answer: (fields: readonly string[], socket: Socket) => string | undefined) {
    this.#server = createServer((socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.write(handshake);
      let rest = '';
      socket.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          this.heard.push(line);
          const fields = line.split('\t');
          const said = fields[0] === 'AUTH' ? answer(fields, socket) : undefined;
          if (said !== undefined) socket.write(`${said}\n`);
        }
      });
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve()));
  }

  get socket(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function dovecot(
  answer: (fields: readonly string[], socket: Socket) => string | undefined,
  handshake = HANDSHAKE,
): Promise<Dovecot> {
  const made = new Dovecot(handshake, answer);
  await made.listen();
  return made;
}

function loginOf(plugin: { readonly services: Readonly<Record<string, unknown>> }) {
  const { authenticator } = plugin.services as { authenticator: Authenticator };
  const session = {
    remoteAddress: '192.0.2.1',
    remotePort: 40_000,
    localAddress: '198.51.100.1',
    localPort: 587,
    tls: { version: 'TLSv1.3', cipher: 'x' },
  };
  return (user: string, password = 'pencil', signal = new AbortController().signal): Promise<unknown> =>
    Promise.resolve(authenticator.verifyPassword?.({ user, password, session, signal } as never));
}

const secretOf = (fields: readonly string[]): string =>
  Buffer.from((fields.at(-1) ?? '').slice('resp='.length), 'base64').toString();

test('OK is yes with the name that Dovecot gives, FAIL is no, and one connection serves all', async () => {
  await using server = await dovecot((fields) =>
    secretOf(fields) === '\0ann\0pencil'
      ? `OK\t${fields[1]}\tuser=ann@ours.example`
      : `FAIL\t${fields[1]}\tuser=ann${secretOf(fields).includes('old') ? '\tuser_disabled' : ''}`,
  );
  await using plugin = await mount(authDovecot({ socket: server.socket }));
  const login = loginOf(plugin);
  assert.deepEqual(await Promise.all([login('ann'), login('ann', 'x'), login('old'), login('ann')]), [
    { user: 'ann@ours.example' },
    { refused: 'refused' },
    { refused: 'disabled' },
    { user: 'ann@ours.example' },
  ]);
  assert.equal(server.connections, 1);
  assert.match(server.heard[0] ?? '', /^VERSION\t1\t/);
  assert.match(
    server.heard[2] ?? '',
    /^AUTH\t1\tPLAIN\tservice=smtp\tsecured\trip=192\.0\.2\.1\trport=40000\tlip=198\.51\.100\.1\tlport=587\tresp=/,
  );
});

const FAILURES: readonly (readonly [
  string,
  (fields: readonly string[], socket: Socket) => string | undefined,
  RegExp,
])[] = [
  ['says that it cannot tell', ([, id]) => `FAIL\t${id}\tuser=ann\ttemp`, /cannot tell/],
  ['says so by a code', ([, id]) => `FAIL\t${id}\tcode=temp_fail`, /cannot tell/],
  ['wants more', ([, id]) => `CONT\t${id}\tVXNlcg==`, /wants more/],
  [
    'hangs up',
    (_, socket) => {
      socket.destroy();
      return undefined;
    },
    /closed the connection|ECONNRESET/,
  ],
];
for (const [what, answer, error] of FAILURES) {
  test(`a Dovecot that ${what} is 454`, async () => {
    await using server = await dovecot(answer);
    await using plugin = await mount(authDovecot({ socket: server.socket }));
    await assert.rejects(loginOf(plugin)('ann'), error);
    await using house = await openHouse({
      listeners: [{ name: 'mx', port: 0, auth: 'offered', authWithoutTls: true }],
      plugins: [authDovecot({ socket: server.socket })],
    });
    await house.talk(
      'S: 220 *\nC: EHLO x.example\nS: 250-*\nS: 250 *\nC: AUTH PLAIN AGFubgBwZW5jaWw=\nS: 454 4.7.0 *',
    );
  });
}

test('a Dovecot that offers no PLAIN, speaks another version, or sends a line without end is none', async () => {
  const greetings: readonly (readonly [string, RegExp])[] = [
    ['VERSION\t1\t2\nMECH\tCRAM-MD5\nDONE\n', /does not offer PLAIN/],
    ['VERSION\t2\t0\n', /speaks version 2/],
    ['x'.repeat(70_000), /without end/],
  ];
  for (const [greeting, error] of greetings) {
    await using server = await dovecot(() => undefined, greeting);
    await using plugin = await mount(authDovecot({ socket: server.socket }));
    await assert.rejects(loginOf(plugin)('ann'), error);
  }
});

test('a Dovecot that is not there is told at once, and asked again at the next login', async () => {
  await using plugin = await mount(authDovecot({ socket: '/nowhere/auth' }));
  await assert.rejects(loginOf(plugin)('ann'), { code: 'ENOENT' });
  await assert.rejects(loginOf(plugin)('ann'), { code: 'ENOENT' });
});

test('a Dovecot that is silent is given up in time, and the next login has a new connection', async () => {
  const clock = fakeClock();
  let silent = true;
  let heard: (() => void) | undefined;
  const asked = new Promise<void>((resolve) => {
    heard = resolve;
  });
  await using server = await dovecot(([, id]) => {
    heard?.();
    return silent ? undefined : `OK\t${id}\tuser=ann`;
  });
  await using plugin = await mount(authDovecot({ socket: server.socket }), { clock });
  const first = assert.rejects(loginOf(plugin)('ann'), /did not answer within 8000 ms/);
  await asked;
  await clock.advance(8000);
  await first;
  silent = false;
  assert.deepEqual(await loginOf(plugin)('ann'), { user: 'ann' });
  assert.equal(server.connections, 2);
});

test('whoever hangs up is not waited for, and the others are served', async () => {
  const ids: string[] = [];
  let both: (() => void) | undefined;
  const arrived = new Promise<void>((resolve) => {
    both = resolve;
  });
  let answer: (() => void) | undefined;
  await using server = await dovecot(([, id], socket) => {
    ids.push(id as string);
    if (ids.length === 2) both?.();
    answer = () => socket.write(ids.map((each) => `OK\t${each}\tuser=ann\n`).join(''));
    return undefined;
  });
  await using plugin = await mount(authDovecot({ socket: server.socket }));
  const gone = new AbortController();
  const login = loginOf(plugin);
  const first = assert.rejects(login('ann', 'pencil', gone.signal), /nobody waits/);
  const second = login('ann');
  await arrived;
  gone.abort();
  await first;
  answer?.();
  assert.deepEqual(await second, { user: 'ann' });
});

test('a password too long for a line of Dovecot is refused without asking', async () => {
  await using server = await dovecot(() => undefined);
  await using plugin = await mount(authDovecot({ socket: server.socket }));
  assert.deepEqual(await loginOf(plugin)('ann', 'x'.repeat(MAX_SENT_LINE)), { refused: 'too-long' });
  assert.equal(server.connections, 0);
});

test('what is escaped on the wire comes back, and nothing in a value can become a field', () => {
  const line = parseDovecotLine('OK\t7\tuser=a\x01tb\x01nc\x011d\tnologin');
  assert.equal(line.kind, 'answer');
  if (line.kind === 'answer') {
    assert.deepEqual([line.id, line.fields.get('user'), line.fields.get('nologin')], [7, 'a\tb\nc\x01d', '']);
  }
  const request = plainRequest({
    id: 1,
    service: 'smtp',
    user: 'ann\tnologin',
    password: 'p\nq',
    remoteAddress: 'x\ty\n',
    remotePort: 1,
    localAddress: '::1',
    localPort: 2,
    secured: false,
  });
  assert.equal(request?.split('\t').length, 9);
  assert.equal(request?.split('\n').length, 2);
});
