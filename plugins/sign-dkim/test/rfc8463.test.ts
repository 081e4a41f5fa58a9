// The worked example of RFC 8463, Appendix A: both its signatures come out to the last bit.

import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { test } from 'node:test';
import { BodyHash, signingInput } from '@posthouse/core/dkim';
import { chooseFields, fieldsOf } from '../src/header-fields.ts';
import { type Algorithm, signatureOf } from '../src/signature.ts';

const HEADER = [
  'From: Joe SixPack <joe@football.example.com>',
  'To: Suzie Q <suzie@shopping.example.net>',
  'Subject: Is dinner ready?',
  'Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)',
  'Message-ID: <20030712040037.46341.5F8J@football.example.com>',
  '',
].join('\r\n');
const BODY = 'Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n';
const BODY_HASH = '2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=';

/** Appendix A.1: the key's 32 octets in PKCS #8 (RFC 8410 §7). */
const ED25519 = createPrivateKey({
  key: Buffer.concat([
    Buffer.from('302e020100300506032b657004220420', 'hex'),
    Buffer.from('nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=', 'base64'),
  ]),
  format: 'der',
  type: 'pkcs8',
});
const RSA = createPrivateKey(`-----BEGIN RSA PRIVATE KEY-----
MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi
Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM
KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB
AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm
6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe
zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy
6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc
uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy
WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd
WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a
licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst
o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe
uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL
-----END RSA PRIVATE KEY-----`);

/** The fields of h=, in its order; the second From, Subject and Date find nothing more. */
const SIGNED = ['from', 'to', 'subject', 'date', 'message-id'];

const own = (algorithm: Algorithm, selector: string): string =>
  [
    `DKIM-Signature: v=1; a=${algorithm}; c=relaxed/relaxed;`,
    ' d=football.example.com; i=@football.example.com;',
    ` q=dns/txt; s=${selector}; t=1528637909; h=from : to :`,
    ' subject : date : message-id : from : subject : date;',
    ` bh=${BODY_HASH};`,
    ' b=',
  ].join('\r\n');

const cases: readonly (readonly [Algorithm, string, typeof RSA, string])[] = [
  [
    'ed25519-sha256',
    'brisbane',
    ED25519,
    '/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==',
  ],
  [
    'rsa-sha256',
    'test',
    RSA,
    'F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2JzdA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=',
  ],
];
for (const [algorithm, selector, key, signature] of cases) {
  test(`RFC 8463 A.3: the ${algorithm} signature of the example`, async () => {
    const { fields } = chooseFields(fieldsOf(Buffer.from(HEADER)), SIGNED, new Set());
    const input = signingInput(
      fields.map(({ raw }) => raw),
      own(algorithm, selector),
      'relaxed',
    );
    assert.equal((await signatureOf(input, algorithm, key)).toString('base64'), signature);
  });
}

test('RFC 8463 A.3: the body hash of the example', () => {
  const hash = new BodyHash('relaxed');
  hash.update(Buffer.from(BODY));
  assert.equal(hash.digest(), BODY_HASH);
});
