import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listedDomain, reversed } from '../src/question.ts';
import { faultOf, zonesOf } from '../src/zone.ts';

test('addresses are asked for backwards', () => {
  assert.equal(reversed('192.0.2.1'), '1.2.0.192');
  assert.equal(reversed('::ffff:192.0.2.1'), '1.2.0.192');
  // RFC 5782 §2.4
  assert.equal(
    reversed('2001:db8:1:2:3:4:567:89ab'),
    'b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2',
  );
  assert.equal(reversed('2001:db8::1')?.length, 63);
  assert.equal(reversed('fe80::1%eth0')?.length, 63);
  assert.equal(reversed('no address'), undefined);
});

test('only names that a list could know are asked for', () => {
  assert.equal(listedDomain('Mail.B.Example'), 'mail.b.example');
  assert.equal(listedDomain('bücher.example'), 'xn--bcher-kva.example');
  for (const name of [undefined, 'localhost', '[192.0.2.1]', '192.0.2.1', '', '.'])
    assert.equal(listedDomain(name), undefined);
});

const answers: readonly (readonly [pattern: string, yes: readonly string[], no: readonly string[]])[] = [
  ['127.0.0.2', ['127.0.0.2'], ['127.0.0.3', '127.0.1.2']],
  ['127.0.0.2-11', ['127.0.0.2', '127.0.0.11'], ['127.0.0.12']],
  ['127.0.*.3', ['127.0.5.3', '127.0.15.3'], ['127.0.5.2', '127.1.5.3']],
  ['127.0.0.&8', ['127.0.0.8', '127.0.0.14'], ['127.0.0.2', '127.0.0.6']],
];
for (const [pattern, yes, no] of answers) {
  test(`${pattern} chooses among answers`, () => {
    const [zone] = zonesOf([{ zone: 'bl.example', answers: { [pattern]: 2 } }]);
    for (const address of yes) assert.equal(zone?.weigh([address]), 2, address);
    for (const address of no) assert.equal(zone?.weigh([address]), undefined, address);
  });
}

test('of several answers the strongest counts', () => {
  const [zone] = zonesOf([{ zone: 'bl.example', answers: { '127.0.0.2': 3, '127.0.0.10-11': 1 } }]);
  assert.equal(zone?.weigh(['127.0.0.10', '127.0.0.2']), 3);
});

test('what a list answers when it refuses, or is no more, is no listing', () => {
  for (const address of [
    '127.255.255.252',
    '127.255.255.254',
    '127.255.255.255',
    '127.0.0.1',
    '192.0.2.80',
  ]) {
    assert.notEqual(faultOf(address), undefined, address);
    assert.equal(zonesOf(['bl.example'])[0]?.weigh([address]), undefined, address);
  }
  assert.equal(faultOf('127.0.0.2'), undefined);
});

test('a pattern that is none is named', () => {
  for (const pattern of ['127.0.0', '127.0.0.256', '127.0.0.9-2', '127.0.0.x'])
    assert.throws(() => zonesOf([{ zone: 'bl.example', answers: { [pattern]: 1 } }]), {
      code: 'config-invalid',
      message: /zones\[0\]\.answers "127\.0\.0/,
    });
});
