import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressLiteral, receivedField } from '../../src/intake/trace.ts';

const FACTS = {
  origin: { session: 'S1', helo: 'client.example', remoteAddress: '192.0.2.1', protocol: 'ESMTP' },
  tls: undefined,
  smtputf8: false,
  hostname: 'house.example',
  id: 'M1',
  recipient: undefined,
  date: 'Mon, 05 Jan 2026 12:00:00 +0000',
} as const;

test('the Received field names client, server, protocol, id and date (RFC 5321 §4.4)', () => {
  assert.equal(
    receivedField(FACTS),
    'Received: from client.example ([192.0.2.1])\r\n\tby house.example with ESMTP id M1; Mon, 05 Jan 2026 12:00:00 +0000\r\n',
  );
});

test('a single recipient is named, several are not (RFC 5321 §7.2)', () => {
  assert.match(receivedField({ ...FACTS, recipient: 'b@y.example' }), /\r\n\tfor <b@y\.example>; Mon/);
  assert.doesNotMatch(receivedField(FACTS), /for </);
});

test('TLS is named by version and cipher', () => {
  const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };
  const origin = { ...FACTS.origin, protocol: 'ESMTPS' };
  assert.match(
    receivedField({ ...FACTS, origin, tls }),
    /with ESMTPS \(TLSv1\.3 cipher TLS_AES_256_GCM_SHA384\) id M1/,
  );
});

test('a message with SMTPUTF8 has the protocol names of RFC 6531 §4.3', () => {
  for (const [protocol, name] of [
    ['ESMTP', 'UTF8SMTP'],
    ['ESMTPS', 'UTF8SMTPS'],
    ['ESMTPSA', 'UTF8SMTPSA'],
  ] as const) {
    const origin = { ...FACTS.origin, protocol };
    assert.match(receivedField({ ...FACTS, origin, smtputf8: true }), new RegExp(`with ${name} id`));
  }
});

test('nothing from outside can end the field or a comment in it', () => {
  const origin = { ...FACTS.origin, helo: 'a\r\nX-Evil: (b) \0\xff' };
  const field = receivedField({ ...FACTS, origin });
  assert.match(field, /^Received: from a\?\?X-Evil:\?\?b\?\?\?\? \(/);
  assert.equal(field.split('\r\n').length, 3);
  assert.ok(receivedField({ ...FACTS, origin: { ...origin, helo: 'x'.repeat(5000) } }).length < 500);
});

test('addresses are written as literals (RFC 5321 §4.1.3)', () => {
  assert.equal(addressLiteral('192.0.2.1'), '[192.0.2.1]');
  assert.equal(addressLiteral('::ffff:192.0.2.1'), '[192.0.2.1]');
  assert.equal(addressLiteral('2001:db8::1'), '[IPv6:2001:db8::1]');
});
