// The attributes of XCLIENT and XFORWARD: each value in its forms, and nothing that throws or slips through.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseXclient, parseXforward } from '../../src/smtp/client-attributes.ts';
import { formatXtext, printable } from '../../src/smtp/index.ts';

test('XCLIENT: values are read, unavailable ones are null, and of one that stands twice the last counts', () => {
  for (const [text, attributes] of [
    ['NAME=a.example', { name: 'a.example' }],
    ['name=[unavailable]', { name: null }],
    ['Name=[TEMPUNAVAIL]', { name: null }],
    ['ADDR=192.0.2.1 PORT=0', { address: '192.0.2.1', port: 0 }],
    ['ADDR=IPV6:2001:DB8::1', { address: '2001:db8::1' }],
    ['ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE]', { address: null, port: null }],
    ['PROTO=esmtp', { protocol: 'ESMTP' }],
    ['LOGIN=a+2Bb+40c', { login: 'a+b@c' }],
    ['DESTADDR=192.0.2.1 DESTPORT=25', { destinationAddress: '192.0.2.1', destinationPort: 25 }],
    ['HELO=a HELO=b', { helo: 'b' }],
  ] as const)
    assert.deepEqual(parseXclient(text), attributes, text);
});

test('XFORWARD: names and addresses need be none of the Internet’s, but printable and short', () => {
  assert.deepEqual(parseXforward('NAME=local+20host ADDR=uucp!x PROTO=UUCP SOURCE=local IDENT=4+2B2'), {
    name: 'local host',
    address: 'uucp!x',
    protocol: 'UUCP',
    source: 'LOCAL',
    ident: '4+2',
  });
  for (const text of [
    `NAME=${'x'.repeat(256)}`,
    'NAME=',
    'IDENT=+0D+0A',
    'HELO=+C3+A9',
    'LOGIN=x',
    'SOURCE=MARS',
  ])
    assert.ok('fault' in parseXforward(text), text);
});

test('whatever is sent, the answer is a fault or values that are printable and short', () => {
  const value = fc.oneof(
    fc.string({ maxLength: 300 }).map(formatXtext),
    fc.string({ maxLength: 20 }),
    fc.constantFrom('[UNAVAILABLE]', 'IPV6:::1', '192.0.2.1', 'LOCAL', 'ESMTP', '25'),
  );
  const name = fc.oneof(
    fc.constantFrom(
      'NAME',
      'ADDR',
      'PORT',
      'PROTO',
      'HELO',
      'LOGIN',
      'DESTADDR',
      'DESTPORT',
      'IDENT',
      'SOURCE',
    ),
    fc.constantFrom('__proto__', 'constructor', 'toString', ''),
    fc.string({ maxLength: 10 }),
  );
  const pair = fc.tuple(name, fc.constantFrom('=', '', '=='), value).map((parts) => parts.join(''));
  const line = fc.oneof(
    fc.array(pair, { maxLength: 5 }).map((pairs) => pairs.join(' ')),
    fc.string(),
  );
  fc.assert(
    fc.property(line, (text) => {
      for (const read of [parseXclient, parseXforward]) {
        const result = read(text);
        if ('fault' in result) {
          assert.equal(result.fault.code, 501);
          continue;
        }
        for (const member of Object.values(result) as readonly unknown[]) {
          if (typeof member !== 'string') continue;
          assert.ok(member.length > 0 && member.length <= 255);
          assert.equal(printable(member), member);
        }
      }
    }),
    { numRuns: 5000 },
  );
});
