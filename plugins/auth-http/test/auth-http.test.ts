import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Authenticator } from '@posthouse/core';
import { fakeClock, mount, openHouse } from '@posthouse/core/testing';
import authHttp from '../src/index.ts';

interface Asked {
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}

class Backend implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/login`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function backend(answer: (response: ServerResponse, asked: Asked) => void): Promise<Backend> {
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      const asked = { headers: request.headers, body: JSON.parse(text) };
      made.asked.push(asked);
      answer(response, asked);
    });
  });
  const made = new Backend(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return made;
}

const reply =
  (status: number, body = '', headers = {}) =>
  (response: ServerResponse): void => {
    response.writeHead(status, headers).end(body);
  };

function loginOf(plugin: { readonly services: Readonly<Record<string, unknown>> }) {
  const { authenticator } = plugin.services as { authenticator: Authenticator };
  return (user: string, password: string): Promise<unknown> =>
    Promise.resolve(
      authenticator.verifyPassword?.({
        user,
        password,
        mechanism: 'PLAIN',
        session: { listener: 'submission', remoteAddress: '192.0.2.1', tls: undefined },
        signal: new AbortController().signal,
      } as never),
    );
}

const MEANINGS: readonly (readonly [string, (response: ServerResponse) => void, unknown])[] = [
  ['200 without a body is yes', reply(200), { user: 'ann' }],
  ['204 is yes', reply(204), { user: 'ann' }],
  ['200 with a user names it', reply(200, '{"user":"ann@ours.example"}'), { user: 'ann@ours.example' }],
  ['401 is no', reply(401), { refused: 'refused' }],
  ['403 may say why', reply(403, '{"reason":"disabled"}'), { refused: 'disabled' }],
  ['403 may not say just anything', reply(403, '{"reason":"x\\r\\ny"}'), { refused: 'refused' }],
  ['404 is nobody', reply(404), undefined],
];
for (const [what, answer, result] of MEANINGS) {
  test(what, async () => {
    await using service = await backend(answer);
    await using plugin = await mount(authHttp({ url: service.url }));
    assert.deepEqual(await loginOf(plugin)('ann', 'pencil'), result);
  });
}

const NONSENSE: readonly (readonly [string, (response: ServerResponse) => void, RegExp])[] = [
  ['500', reply(500), /answered 500/],
  ['429', reply(429), /answered 429/],
  ['a page', reply(200, '<html>Welcome</html>'), /no JSON object/],
  ['a list', reply(200, '["ann"]'), /no JSON object/],
  ['a user that is no text', reply(200, '{"user":7}'), /no text/],
  ['too much', reply(200, `{"user":"${'x'.repeat(20_000)}"}`), /more than 16384 octets/],
  ['a redirection', reply(302, '', { location: 'http://elsewhere.invalid/' }), /redirect/],
  ['a broken connection', (response) => response.socket?.destroy(), /./],
];
for (const [what, answer, error] of NONSENSE) {
  test(`${what} is no answer: the client hears 454`, async () => {
    await using service = await backend(answer);
    await using plugin = await mount(authHttp({ url: service.url }));
    await assert.rejects(loginOf(plugin)('ann', 'pencil'), error);
    await using house = await openHouse({
      listeners: [{ name: 'mx', port: 0, auth: 'offered', authWithoutTls: true }],
      plugins: [authHttp({ url: service.url })],
    });
    await house.talk(
      'S: 220 *\nC: EHLO x.example\nS: 250-*\nS: 250 *\nC: AUTH PLAIN AGFubgBwZW5jaWw=\nS: 454 4.7.0 *',
    );
  });
}

test('a service that is not there is no answer', async () => {
  const gone = await backend(reply(200));
  const { url } = gone;
  await gone[Symbol.asyncDispose]();
  await using plugin = await mount(authHttp({ url }));
  await assert.rejects(loginOf(plugin)('ann', 'pencil'), /ECONNREFUSED/);
});

test('a service that does not answer is given up after its time', async () => {
  const clock = fakeClock();
  let arrived: (() => void) | undefined;
  const asked = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  await using service = await backend(() => arrived?.());
  await using plugin = await mount(authHttp({ url: service.url }), { clock });
  const login = assert.rejects(loginOf(plugin)('ann', 'pencil'), /no answer within 5000 ms/);
  await asked;
  await clock.advance(5000);
  await login;
});

test('requests at a time are bounded', async () => {
  const held: ServerResponse[] = [];
  let arrived: (() => void) | undefined;
  const both = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  await using service = await backend((response) => {
    if (held.push(response) === 2) arrived?.();
  });
  await using plugin = await mount(authHttp({ url: service.url, requests: 2 }));
  const login = loginOf(plugin);
  const first = [login('ann', '1'), login('ann', '2')];
  await assert.rejects(login('ann', '3'), /too many requests/);
  await both;
  for (const response of held) response.writeHead(200).end();
  assert.deepEqual(await Promise.all(first), [{ user: 'ann' }, { user: 'ann' }]);
});

test('the service is told who, from where and on which listener, with the header fields of the configuration', async () => {
  await using service = await backend(reply(200));
  await using plugin = await mount(
    authHttp({ url: service.url, headers: { authorization: 'Bearer s3cret' } }),
  );
  await loginOf(plugin)('ann', 'pencil');
  const [asked] = service.asked;
  assert.equal(asked?.headers.authorization, 'Bearer s3cret');
  assert.equal(asked?.headers['content-type'], 'application/json');
  assert.deepEqual(asked?.body, {
    user: 'ann',
    password: 'pencil',
    mechanism: 'PLAIN',
    listener: 'submission',
    remoteAddress: '192.0.2.1',
    tls: false,
  });
});

test('a right password is remembered for its time and a wrong one never, within bounds', async () => {
  const clock = fakeClock();
  await using service = await backend((response, { body }) =>
    reply(body.password === 'wrong' ? 401 : 200)(response),
  );
  await using plugin = await mount(authHttp({ url: service.url, cacheFor: 60_000, cacheSize: 2 }), { clock });
  const login = loginOf(plugin);
  const requestsOf = async (...passwords: readonly string[]): Promise<number> => {
    const before = service.asked.length;
    for (const password of passwords) await login('ann', password);
    return service.asked.length - before;
  };
  assert.equal(await requestsOf('1', '1', 'wrong', 'wrong'), 3);
  await clock.advance(60_000);
  assert.equal(await requestsOf('1'), 1);
  assert.equal(await requestsOf('2', '3', '1'), 3);
});

test('tokens are asked about where the service knows them, and it says whose a token is', async () => {
  await using service = await backend(reply(200, '{"user":"ann"}'));
  await using house = await openHouse({
    listeners: [{ name: 'mx', port: 0, auth: 'offered', authWithoutTls: true }],
    plugins: [authHttp({ url: service.url, tokens: true })],
  });
  const response = Buffer.from('n,,\x01auth=Bearer mF_9.B5f\x01\x01').toString('base64');
  await house.talk(
    `S: 220 *\nC: EHLO x.example\nS: 250-*\nS: 250 AUTH PLAIN LOGIN OAUTHBEARER XOAUTH2\nC: AUTH OAUTHBEARER ${response}\nS: 235 *`,
  );
  assert.equal(service.asked[0]?.body.token, 'mF_9.B5f');
  assert.equal(house.events('authentication-succeeded')[0]?.user, 'ann');
});

test('passwords do not travel in clear to other machines unless the configuration says so', async () => {
  await assert.rejects(
    mount(authHttp({ url: 'http://auth.example/login' })),
    /passwords would travel in clear/,
  );
  await using insecure = await mount(authHttp({ url: 'http://auth.example/login', insecure: true }));
  await using secure = await mount(authHttp({ url: 'https://auth.example/login' }));
  assert.ok(insecure && secure);
});
