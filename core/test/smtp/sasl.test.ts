// The mechanisms by themselves: the RFCs' own examples, and that no octets make an exchange throw.

import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  BearerExchange,
  decodeBase64,
  encodeBase64,
  LoginExchange,
  PlainExchange,
  parseClientFinal,
  parseClientFirst,
  type SaslExchange,
  type SaslStep,
  ScramExchange,
  type ScramKeys,
  type ScramTools,
} from '../../src/smtp/index.ts';
import { octets, text } from './bytes.ts';

const hmac = (key: Uint8Array, data: Uint8Array): Uint8Array =>
  createHmac('sha256', key).update(data).digest();
const hash = (data: Uint8Array): Uint8Array => createHash('sha256').update(data).digest();

function keysFor(password: string, salt: Uint8Array, iterations: number): ScramKeys {
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  return {
    salt,
    iterations,
    storedKey: hash(hmac(salted, octets('Client Key'))),
    serverKey: hmac(salted, octets('Server Key')),
  };
}

/** A channel whose binding data is the word `channel`. */
const TOOLS: ScramTools = {
  hmac,
  hash,
  nonce: () => '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  channelBinding: (type) => (type === 'tls-exporter' ? octets('channel') : undefined),
};

function challenge(step: SaslStep): string {
  assert.equal(step.do, 'challenge');
  return text((step as Extract<SaslStep, { do: 'challenge' }>).bytes);
}

test('RFC 7677 §3: the example, octet for octet', () => {
  const keys = keysFor('pencil', decodeBase64('W22ZaJ0SNY7soEsUEjb6gQ==') as Uint8Array, 4096);
  const exchange = new ScramExchange('SCRAM-SHA-256', false, TOOLS);
  assert.deepEqual(exchange.respond(octets('n,,n=user,r=rOprNGfwEbeRWgbNEkqO')), {
    do: 'ask',
    login: { kind: 'scram-keys', mechanism: 'SCRAM-SHA-256', user: 'user' },
  });
  assert.equal(
    challenge(exchange.answered({ kind: 'scram-keys', user: 'user', keys })),
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  );
  const final = exchange.respond(
    octets(
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    ),
  );
  assert.deepEqual(final, {
    do: 'ask',
    login: { kind: 'scram-proof', mechanism: 'SCRAM-SHA-256', user: 'user', claimed: 'user', valid: true },
  });
  assert.equal(
    challenge(exchange.answered({ kind: 'accept', user: 'user' })),
    'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  );
  assert.deepEqual(exchange.respond(octets('')), { do: 'succeed', user: 'user' });
});

interface Attempt {
  readonly mechanism?: 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS';
  readonly plusOffered?: boolean;
  readonly header: string;
  readonly password?: string;
  /** What the client believes the channel to be. */
  readonly channel?: string;
  readonly nonce?: string;
}

/** A client of SCRAM: whether the server finds its proof valid, or what it did instead of asking. */
function attempt({
  mechanism = 'SCRAM-SHA-256',
  plusOffered = false,
  header,
  password,
  channel,
  nonce,
}: Attempt) {
  const salt = octets('salt');
  const exchange = new ScramExchange(mechanism, plusOffered, TOOLS);
  const bare = 'n=ann,r=client';
  const asked = exchange.respond(octets(header + bare));
  if (asked.do !== 'ask') return asked.do;
  const first = challenge(
    exchange.answered({ kind: 'scram-keys', user: 'ann', keys: keysFor('pencil', salt, 1) }),
  );
  const binding = encodeBase64(octets(header + (channel ?? '')));
  const withoutProof = `c=${binding},r=${nonce ?? `client${TOOLS.nonce()}`}`;
  const salted = pbkdf2Sync(password ?? 'pencil', salt, 1, 32, 'sha256');
  const clientKey = hmac(salted, octets('Client Key'));
  const signature = hmac(hash(clientKey), octets(`${bare},${first},${withoutProof}`));
  const proof = clientKey.map((octet, index) => octet ^ (signature[index] ?? 0));
  const step = exchange.respond(octets(`${withoutProof},p=${encodeBase64(proof)}`));
  return step.do === 'ask' && step.login.kind === 'scram-proof' ? step.login.valid : step.do;
}

test('SCRAM tells a right proof from a wrong password, another nonce and another channel', () => {
  assert.equal(attempt({ header: 'n,,' }), true);
  assert.equal(attempt({ header: 'n,a=ann,' }), true);
  assert.equal(attempt({ header: 'n,,', password: 'pen' }), false);
  assert.equal(attempt({ header: 'n,,', nonce: 'clientother' }), false);
  assert.equal(attempt({ header: 'n,,', channel: 'x' }), false);
  const plus = { mechanism: 'SCRAM-SHA-256-PLUS', plusOffered: true, header: 'p=tls-exporter,,' } as const;
  assert.equal(attempt({ ...plus, channel: 'channel' }), true);
  assert.equal(attempt({ ...plus, channel: 'man in the middle' }), false);
  assert.equal(attempt({ ...plus, header: 'p=tls-unique,,' }), 'refuse');
  assert.equal(attempt({ ...plus, header: 'n,,' }), 'refuse');
  assert.equal(attempt({ header: 'p=tls-exporter,,', channel: 'channel' }), 'refuse');
});

test('RFC 5802 §6: a client that can bind and was not shown -PLUS has been tricked', () => {
  assert.equal(attempt({ header: 'y,,', plusOffered: false }), true);
  assert.equal(attempt({ header: 'y,,', plusOffered: true }), 'fail');
});

test('a user of SCRAM may have a comma and an equals sign in the name, and nothing else escaped', () => {
  assert.equal(parseClientFirst('n,,n=a=2Cb=3Dc,r=x')?.user, 'a,b=c');
  for (const name of ['a=2cb', 'a=', '=20', 'a\0', '']) {
    assert.equal(parseClientFirst(`n,,n=${name},r=x`), undefined, name);
  }
});

test('RFC 4616 §4: the examples', () => {
  const { login } = new PlainExchange().respond(octets('\0tim\0tanstaaftanstaaf')) as Extract<
    SaslStep,
    { do: 'ask' }
  >;
  assert.deepEqual(login, {
    kind: 'password',
    mechanism: 'PLAIN',
    user: 'tim',
    password: 'tanstaaftanstaaf',
  });
  assert.equal(new PlainExchange().respond(octets('Ursel\0Kurt\0xipj3plmq')).do, 'refuse');
});

test('RFC 7628 §4.1: the example, and XOAUTH2 alike', () => {
  const ask = (exchange: SaslExchange, response: string): unknown => {
    const step = exchange.respond(octets(response));
    return step.do === 'ask' ? step.login : step.do;
  };
  const token = 'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==';
  assert.deepEqual(
    ask(
      new BearerExchange('OAUTHBEARER'),
      `n,a=user@example.com,\x01host=server.example.com\x01port=587\x01auth=Bearer ${token}\x01\x01`,
    ),
    { kind: 'token', mechanism: 'OAUTHBEARER', user: 'user@example.com', token },
  );
  assert.deepEqual(ask(new BearerExchange('XOAUTH2'), `user=ann@x.example\x01auth=Bearer ${token}\x01\x01`), {
    kind: 'token',
    mechanism: 'XOAUTH2',
    user: 'ann@x.example',
    token,
  });
  for (const broken of [
    `n,,\x01auth=Bearer ${token}\x01`,
    `n,,\x01auth=Bearer ${token}\x01auth=Bearer ${token}\x01\x01`,
    'n,,\x01host=x\x01\x01',
    'n,,\x01auth=Bearer \x01\x01',
    `p=tls-exporter,,\x01auth=Bearer ${token}\x01\x01`,
    '\x01\x01',
  ])
    assert.equal(ask(new BearerExchange('OAUTHBEARER'), broken), 'refuse', JSON.stringify(broken));
});

test('BASE64 is read in its one canonical form, and comes back as it was', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.deepEqual(decodeBase64(encodeBase64(bytes)), bytes);
    }),
  );
  for (const bad of ['A', 'AB', 'AB=', 'AB==C', 'AB= =', 'QR==', 'QUJ=', '====', ' QQ==', 'QQ==\n', 'Q-==']) {
    assert.equal(decodeBase64(bad), undefined, bad);
  }
});

const EXCHANGES: readonly (() => SaslExchange)[] = [
  () => new PlainExchange(),
  () => new LoginExchange(),
  () => new ScramExchange('SCRAM-SHA-256', true, TOOLS),
  () => new ScramExchange('SCRAM-SHA-256-PLUS', true, TOOLS),
  () => new BearerExchange('OAUTHBEARER'),
  () => new BearerExchange('XOAUTH2'),
];
const pieces = fc.constantFrom(
  'n,,',
  'y,,',
  'p=tls-exporter,,',
  'n,a=ann,',
  'n=ann',
  ',',
  'r=',
  'c=biws',
  'p=',
  'AAAA',
  '=2C',
  'm=',
  '\x01',
  'auth=Bearer x',
  'user=',
  '\0',
  'ann',
  '\xff',
  'r=client%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
);
const response = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.array(pieces, { maxLength: 12 }).map((parts) => octets(parts.join(''))),
);

test('no responses make an exchange throw or go on for ever', () => {
  fc.assert(
    fc.property(
      fc.nat(EXCHANGES.length - 1),
      fc.array(response, { minLength: 6, maxLength: 6 }),
      (which, all) => {
        const exchange = (EXCHANGES[which] as () => SaslExchange)();
        exchange.begin();
        for (const bytes of all) {
          let step = exchange.respond(bytes);
          if (step.do === 'ask') {
            const keys = keysFor('pencil', octets('salt'), 1);
            step = exchange.answered(
              step.login.kind === 'scram-keys'
                ? { kind: 'scram-keys', user: 'ann', keys }
                : { kind: 'reject', status: '5.7.8', text: 'No' },
            );
          }
          if (step.do !== 'challenge') return;
        }
        assert.fail('six responses were not enough');
      },
    ),
    { numRuns: 5000 },
  );
});

test('no text makes the parsers of SCRAM throw', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(pieces).map((parts) => parts.join('')),
      ),
      (input) => {
        parseClientFirst(input);
        parseClientFinal(input);
      },
    ),
    { numRuns: 3000 },
  );
});
