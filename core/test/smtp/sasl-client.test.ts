import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { test } from 'node:test';
import { loginClient, plainClient, ScramClient, xoauth2Client } from '../../src/smtp/index.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (octets: Uint8Array | undefined): string | undefined =>
  octets && new TextDecoder().decode(octets);

const scram = (user = 'user'): ScramClient =>
  new ScramClient(user, 'pencil', {
    hmac: (key, data) => createHmac('sha256', key).update(data).digest(),
    hash: (data) => createHash('sha256').update(data).digest(),
    hi: (password, salt, iterations) => pbkdf2Sync(password, salt, iterations, 32, 'sha256'),
    nonce: () => 'rOprNGfwEbeRWgbNEkqO',
  });

// RFC 7677 §3
const SERVER_FIRST = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';
const SERVER_FINAL = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';

test('SCRAM-SHA-256 says what the example of RFC 7677 says', () => {
  const client = scram();
  assert.equal(text(client.initial), 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
  assert.equal(
    text(client.respond(bytes(SERVER_FIRST))),
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  );
  assert.equal(client.isDone, false);
  assert.equal(text(client.respond(bytes(SERVER_FINAL))), '');
  assert.equal(client.isDone, true);
});

test('a server that has not the password is not believed', () => {
  const client = scram();
  client.respond(bytes(SERVER_FIRST));
  assert.equal(client.respond(bytes('v=AAAA')), undefined);
  assert.equal(client.isDone, false);
});

test('a first message that is not to be trusted gets no proof', () => {
  for (const first of [
    SERVER_FIRST.replace('r=rOpr', 'r=other'),
    'r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    SERVER_FIRST.replace('i=4096', 'i=1'),
    SERVER_FIRST.replace('i=4096', 'i=100001'),
    SERVER_FIRST.replace('==,', ','),
    `m=ext,${SERVER_FIRST}`,
    '',
  ]) {
    assert.equal(scram().respond(bytes(first)), undefined, first);
  }
});

test('a comma and an equals sign in a name are escaped', () => {
  assert.equal(text(scram('a=b,c').initial), 'n,,n=a=3Db=2Cc,r=rOprNGfwEbeRWgbNEkqO');
});

test('PLAIN, LOGIN and XOAUTH2 say what they are to say', () => {
  assert.equal(text(plainClient('ann', 'pa ss').initial), '\0ann\0pa ss');
  const login = loginClient('ann', 'pass');
  assert.equal(login.initial, undefined);
  assert.deepEqual(
    [1, 2, 3].map(() => text(login.respond(bytes('?')))),
    ['ann', 'pass', undefined],
  );
  assert.equal(login.isDone, true);
  const token = xoauth2Client('ann@a.example', 'tok');
  assert.equal(text(token.initial), 'user=ann@a.example\x01auth=Bearer tok\x01\x01');
  assert.equal(text(token.respond(bytes('{"status":"401"}'))), '');
});
