// AUTH within a session: however the bytes are cut the steps are the same, and STARTTLS forgets who the client was.

import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type AuthOptions,
  type LoginAnswer,
  SASL_MECHANISMS,
  type SessionOptions,
} from '../../src/smtp/index.ts';
import { cut, octets, sizes } from './bytes.ts';
import { ACCEPT, type Answering, Client, type Pace } from './session-driver.ts';

const AUTH: AuthOptions = {
  required: false,
  withoutTls: true,
  line: 200,
  failures: 3,
  mechanisms: () => SASL_MECHANISMS,
  scram: {
    hmac: (key, data) => createHmac('sha256', key).update(data).digest(),
    hash: (data) => createHash('sha256').update(data).digest(),
    nonce: () => 'server',
    channelBinding: () => octets('channel'),
  },
};
const KEYS: LoginAnswer = {
  kind: 'scram-keys',
  user: 'ann',
  keys: {
    salt: octets('salt'),
    iterations: 1,
    storedKey: octets('s'.repeat(32)),
    serverKey: octets('x'.repeat(32)),
  },
};
const ANN: LoginAnswer = { kind: 'accept', user: 'ann' };
const NO: LoginAnswer = { kind: 'reject', status: '5.7.8', text: 'No' };
const LATER: LoginAnswer = { kind: 'defer', status: '4.7.0', text: 'Later' };
const GO: LoginAnswer = { kind: 'disconnect', text: 'Go' };

/** Answers logins in turn; everything else is accepted. */
function logins(list: readonly LoginAnswer[]): Answering {
  let turn = 0;
  return (question) => {
    if (question.hook !== null) return ACCEPT;
    const answer = list[turn++ % list.length] ?? NO;
    return question.login.kind === 'scram-keys' && answer.kind === 'accept' ? KEYS : answer;
  };
}

function steps(
  chunks: readonly Uint8Array[],
  options: Partial<SessionOptions>,
  list: readonly LoginAnswer[],
  pace: Pace = 'at-once',
): string[] {
  const client = new Client(options, logins(list), pace);
  for (const chunk of chunks) client.send(chunk);
  client.settle();
  return client.do(client.session.inputEnded()).settle().heard();
}

const b64 = (value: string): string => Buffer.from(value, 'latin1').toString('base64');
const SCRAM_FIRST = b64('n,,n=ann,r=client');
const SCRAM_FINAL = b64('c=biws,r=clientserver,p=AAAA');
const pieces = fc.constantFrom(
  'EHLO x.example\r\n',
  'HELO x.example\r\n',
  'MAIL FROM:<a@x.example>\r\n',
  'MAIL FROM:<a@x.example> AUTH=<>\r\n',
  'RSET\r\n',
  'AUTH PLAIN\r\n',
  `AUTH PLAIN ${b64('\0ann\0pencil')}\r\n`,
  'AUTH PLAIN =\r\n',
  'AUTH LOGIN\r\n',
  `${b64('ann')}\r\n`,
  `${b64('\0ann\0pencil')}\r\n`,
  `AUTH SCRAM-SHA-256 ${SCRAM_FIRST}\r\n`,
  `${SCRAM_FINAL}\r\n`,
  `AUTH LOGIN\r\n${b64('ann')}\r\n${b64('pencil')}\r\n`,
  `AUTH SCRAM-SHA-256 ${SCRAM_FIRST}\r\n${SCRAM_FINAL}\r\n\r\n`,
  `AUTH XOAUTH2 ${b64('user=ann\x01auth=Bearer x\x01\x01')}\r\n`,
  'AUTH NOTHING\r\n',
  '*\r\n',
  '=\r\n',
  '\r\n',
  'x'.repeat(70),
  'QUJD'.repeat(40),
  '\r',
  '\n',
  '\0',
  '\xff',
);
const dialogues = fc
  .array(pieces, { maxLength: 20 })
  .map((parts) => octets(`EHLO x.example\r\n${parts.join('')}`));
const answerLists = fc.array(fc.constantFrom(ANN, NO, NO, LATER, GO), { minLength: 1, maxLength: 5 });
const settings = fc.constantFrom<Partial<SessionOptions>>(
  { auth: AUTH },
  { auth: { ...AUTH, required: true } },
  { auth: { ...AUTH, withoutTls: false }, tls: 'offered' },
  { auth: AUTH, commandLine: 60, badCommands: 3 },
  { auth: { ...AUTH, failures: 1 }, tls: 'active' },
);

test('cut at random, any exchange with any answers, at once or late, leads to the same steps', () => {
  fc.assert(
    fc.property(dialogues, sizes, answerLists, settings, (bytes, chunks, list, options) => {
      const whole = steps([bytes], options, list);
      assert.deepEqual(steps(cut(bytes, chunks), options, list), whole);
      assert.deepEqual(steps(cut(bytes, chunks), options, list, 'late'), whole);
    }),
    { numRuns: 3000 },
  );
});

function authenticated(options: Partial<SessionOptions> = {}): Client {
  const client = new Client({ auth: AUTH, ...options }, logins([ANN]));
  client.send(`EHLO x.example\r\nAUTH PLAIN ${b64('\0ann\0pencil')}\r\n`);
  assert.match(client.replies().at(-1) ?? '', /^235 2\.7\.0 /);
  return client;
}

test('STARTTLS forgets who the client was, and AUTH is possible again (RFC 3207 §4.2)', () => {
  const client = authenticated({ tls: 'offered', auth: { ...AUTH, required: true } });
  assert.equal(client.session.user, 'ann');
  client.send('STARTTLS\r\n');
  client.do(client.session.secured());
  assert.equal(client.session.user, undefined);
  client.heard();
  client.send('EHLO x.example\r\nMAIL FROM:<a@x.example>\r\n');
  const replies = client.replies();
  assert.match(
    replies[0] ?? '',
    /250 AUTH PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS OAUTHBEARER XOAUTH2$/,
  );
  assert.match(replies[1] ?? '', /^530 5\.7\.0 /);
});

test('EHLO and RSET leave the client authenticated', () => {
  const client = authenticated();
  client.send('EHLO y.example\r\nRSET\r\n');
  assert.equal(client.session.user, 'ann');
});

test('what a stranger says in AUTH= is <>, and of an authenticated client it is kept (RFC 4954 §5)', () => {
  const asked = (client: Client): string | undefined =>
    client
      .send('MAIL FROM:<a@x.example> AUTH=b@y.example\r\n')
      .heard()
      .find((line) => line.includes('on-mail-from'));
  assert.match(asked(new Client({ auth: AUTH }).send('EHLO x.example\r\n')) ?? '', /"auth":"<>"/);
  assert.match(asked(authenticated()) ?? '', /"auth":"b@y\.example"/);
});

test('a challenge of any length is one line', () => {
  const long: LoginAnswer = { ...KEYS, keys: { ...KEYS.keys, salt: new Uint8Array(1024) } } as LoginAnswer;
  const client = new Client({ auth: AUTH }, (question) => (question.hook === null ? long : ACCEPT) as never);
  client.send(`EHLO x.example\r\nAUTH SCRAM-SHA-256 ${SCRAM_FIRST}\r\n`);
  const challenge = client.replies().at(-1) ?? '';
  assert.match(challenge, /^334 [A-Za-z0-9+/]{1800,}=*$/);
});
