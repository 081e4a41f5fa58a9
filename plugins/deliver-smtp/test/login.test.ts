// Logins at a smarthost: by which mechanism, and what becomes of the mail when they fail.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type Script, scriptedHop } from '@posthouse/core/testing';
import { makeCa } from './certificates.ts';
import { kind, type RelayConfig, relay } from './relay.ts';

const ca = makeCa();
after(() => ca[Symbol.dispose]());
type Login = NonNullable<RelayConfig['auth']>[string];

const tls = ca.issue('IP:127.0.0.1');

const PASSWORD = 'open-sesame';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const PLAIN = `AUTH PLAIN ${base64(`\0ann\0${PASSWORD}`)}`;

const SAFE: RelayConfig = { tls: 'verify', caFile: ca.file };
const BY_PASSWORD = { user: 'ann', password: PASSWORD };

async function send(script: Script, login: Login = BY_PASSWORD, config: RelayConfig = SAFE) {
  await using hop = await scriptedHop({ tls, ...script });
  const smarthost = `[127.0.0.1]:${hop.port}`;
  await using house = await relay({
    ...config,
    smarthost,
    auth: { [smarthost]: login },
  });
  const outcome = (await house.send())['b@b.example'];
  await house.send();
  return { outcome, text: JSON.stringify(outcome), sessions: hop.sessions };
}

const auths = (lines: readonly string[] = []): readonly string[] =>
  lines
    .slice(lines.findLastIndex((line) => line.startsWith('EHLO')) + 1)
    .filter((line) => !/^(MAIL|RCPT|DATA|<|RSET|QUIT)/.test(line));

test('the login comes once for a connection, under TLS, before the first mail', async () => {
  const { outcome, sessions } = await send({ keywords: ['AUTH LOGIN PLAIN'] });
  assert.equal(kind(outcome), 'delivered');
  assert.equal(sessions.length, 1);
  assert.equal(sessions[0]?.secure, true);
  assert.equal(sessions[0]?.messages.length, 2);
  assert.deepEqual(auths(sessions[0]?.lines), [PLAIN]);
});

test('LOGIN answers two prompts', async () => {
  const AUTH = ['334 VXNlcm5hbWU6', '334 UGFzc3dvcmQ6', '235 ok'];
  const { outcome, sessions } = await send({ keywords: ['AUTH LOGIN'], AUTH });
  assert.equal(kind(outcome), 'delivered');
  assert.deepEqual(auths(sessions[0]?.lines), ['AUTH LOGIN', base64('ann'), base64(PASSWORD)]);
});

test('a token goes by XOAUTH2, after the 334 where it is long, and a refusal is heard out', async () => {
  const token = 't'.repeat(600);
  const words = base64(`user=ann\x01auth=Bearer ${token}\x01\x01`);
  const login = { user: 'ann', token };
  const AUTH = ['334 ', `334 ${base64('{"status":"401"}')}`, '535 5.7.8 no'];
  const { outcome, text, sessions } = await send({ keywords: ['AUTH XOAUTH2 PLAIN'], AUTH }, login);
  assert.equal(kind(outcome), 'deferred 4.7.8');
  assert.match(text, /the login was refused: 535 5\.7\.8 no/);
  assert.deepEqual(auths(sessions[0]?.lines), ['AUTH XOAUTH2', words, '']);
});

test('a login that fails defers the mail with 4.7.8, and its password is in no outcome', async () => {
  for (const [script, words] of [
    [{ keywords: ['AUTH PLAIN'], AUTH: '535 5.7.8 wrong' }, /login was refused: 535 5\.7\.8 wrong/],
    [{ keywords: ['AUTH PLAIN'], AUTH: '454 4.7.0 later' }, /login was refused: 454 4\.7\.0 later/],
    [{ keywords: ['AUTH GSSAPI'] }, /no mechanism is offered that we can use/],
    [{ keywords: [] }, /AUTH is not offered/],
    [{ keywords: ['AUTH SCRAM-SHA-256 PLAIN'], AUTH: '235 ok' }, /before the exchange was over/],
    [{ keywords: ['AUTH SCRAM-SHA-256'], AUTH: '334 nonsense' }, /not to be believed/],
  ] as const) {
    const { outcome, text, sessions } = await send(script);
    assert.equal(kind(outcome), 'deferred 4.7.8');
    assert.match(text, words);
    assert.match(text, /"scope":"destination"/);
    assert.doesNotMatch(text, new RegExp(`${PASSWORD}|${base64(`\0ann\0${PASSWORD}`)}`));
    assert.equal(
      sessions.some(({ messages }) => messages.length > 0),
      false,
    );
  }
});

test('without TLS nothing is said, unless `authWithoutTls`', async () => {
  const clear = await send({ tls: { key: '', cert: '' }, keywords: ['AUTH PLAIN'] });
  assert.equal(
    clear.sessions.some(({ lines }) => lines.some((line) => line.startsWith('AUTH'))),
    false,
  );
  const login = { ...BY_PASSWORD, authWithoutTls: true };
  const allowed = await send({ keywords: ['AUTH PLAIN'] }, login, { tls: 'none' });
  assert.equal(kind(allowed.outcome), 'delivered');
  assert.deepEqual(auths(allowed.sessions[0]?.lines), [PLAIN]);
});

test('a login is for a host of the configuration, with TLS and one secret', async () => {
  const login = { user: 'ann', password: 'x' };
  const host = { smarthost: '[mx.b.example]:587', tls: 'verify' } as const;
  for (const [config, words] of [
    [
      { ...host, auth: { '[mx.b.example]:25': login } },
      /neither the smarthost, nor the fallback, nor a route/,
    ],
    [{ ...host, smarthost: 'b.example', auth: { 'b.example': login } }, /is not a host/],
    [{ ...host, tls: 'may', auth: { '[mx.b.example]:587': login } }, /needs TLS, and its policy is `may`/],
    [{ ...host, auth: { '[mx.b.example]:587': { user: 'ann' } } }, /either a password or a token/],
  ] as const) {
    await assert.rejects(relay(config), words);
  }
});
