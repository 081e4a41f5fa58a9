// SASL: the responses of a client, line by line, to every mechanism.

import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import {
  BearerExchange,
  decodeBase64,
  encodeBase64,
  formatReply,
  type Login,
  type LoginAnswer,
  LoginExchange,
  PlainExchange,
  type SaslExchange,
  type SaslStep,
  ScramExchange,
  type ScramKeys,
  type ScramTools,
} from '../../src/smtp/index.ts';
import { Chance } from './chance.ts';
import type { Target } from './fuzzer.ts';
import { octetsOf } from './words.ts';

export const TOOLS: ScramTools = {
  hmac: (key, data) => createHmac('sha256', key).update(data).digest(),
  hash: (data) => createHash('sha256').update(data).digest(),
  nonce: () => 'server',
  channelBinding: (type) => (type === 'tls-exporter' ? Buffer.from('channel') : undefined),
};

const KEYS: ScramKeys = {
  salt: Buffer.from('salt'),
  iterations: 4096,
  storedKey: Buffer.alloc(32, 1),
  serverKey: Buffer.alloc(32, 2),
};

/** Whoever asks is known, or is not, or has to come back. */
export function loginAnswer(login: Login, chance: Chance): LoginAnswer {
  if (login.kind === 'scram-keys' && chance.below(8) > 0)
    return { kind: 'scram-keys', user: chance.below(2) === 0 ? login.user : undefined, keys: KEYS };
  return chance.pick<LoginAnswer>([
    { kind: 'accept', user: login.user ?? 'nobody' },
    { kind: 'reject', status: '5.7.8', text: 'No' },
    { kind: 'defer', status: '4.7.0', text: 'Later\r\n' },
    { kind: 'disconnect', text: 'Go' },
  ]);
}

const EXCHANGES: readonly (() => SaslExchange)[] = [
  () => new PlainExchange(),
  () => new LoginExchange(),
  () => new BearerExchange('OAUTHBEARER'),
  () => new BearerExchange('XOAUTH2'),
  () => new ScramExchange('SCRAM-SHA-256', false, TOOLS),
  () => new ScramExchange('SCRAM-SHA-256', true, TOOLS),
  () => new ScramExchange('SCRAM-SHA-256-PLUS', true, TOOLS),
];

export const sasl: Target = {
  name: 'SASL',
  share: 40,
  seeds: octetsOf(
    '\0user\0password',
    'admin\0user\0password',
    'user\npassword',
    'n,,n=user,r=client\nc=biws,r=clientserver,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    'p=tls-exporter,,n=us=2Cer,r=client\nc=cD10bHMtZXhwb3J0ZXIsLGNoYW5uZWw=,r=clientserver,p=AAAA',
    'n,a=user@x.example,\x01host=x\x01port=25\x01auth=Bearer abc\x01\x01\n\x01',
    'user=a@x.example\x01auth=Bearer abc\x01\x01',
  ),
  words: [
    '\0',
    '\x01',
    '\n',
    ',',
    '=',
    '=2C',
    '=3D',
    'n,,',
    'y,,',
    'p=tls-unique,,',
    'n=',
    'r=',
    'm=',
    'c=',
    'p=',
    'a=',
    'auth=',
    'Bearer ',
    '\xff',
    '\xc3\xa4',
  ],
  run(input) {
    const lines = Buffer.from(input).toString('latin1').split('\n');
    for (const make of EXCHANGES) converse(make(), lines, Chance.of(input));
    const text = Buffer.from(input).toString('latin1');
    const decoded = decodeBase64(text);
    if (decoded !== undefined) assert.equal(encodeBase64(decoded), text, 'two spellings of one value');
    assert.deepEqual(Buffer.from(decodeBase64(encodeBase64(input)) ?? []), Buffer.from(input));
  },
};

function converse(exchange: SaslExchange, lines: readonly string[], chance: Chance): void {
  let step: SaslStep = chance.below(2) === 0 ? exchange.begin() : exchange.respond(octets(lines[0] ?? ''));
  for (const line of lines) {
    if (step.do === 'ask') {
      const answer = loginAnswer(step.login, chance);
      if (answer.kind === 'defer' || answer.kind === 'disconnect') return;
      step = exchange.answered(answer);
    } else if (step.do === 'challenge') step = exchange.respond(octets(line));
    if (step.do === 'succeed') assert.equal(typeof step.user, 'string');
    if (step.do === 'fail' || step.do === 'refuse') {
      assert.match(formatReply(step.reply), /^[45]\d\d /);
      return;
    }
    if (step.do === 'succeed') return;
  }
}

function octets(line: string): Uint8Array {
  return Buffer.from(line, 'latin1');
}
