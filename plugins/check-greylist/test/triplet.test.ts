import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mailbox } from '@posthouse/core';
import { type Judgement, judge, type Remembered } from '../src/judgement.ts';
import { AddressList, tripletOf } from '../src/triplet.ts';

const prefixes = { ipv4Prefix: 24, ipv6Prefix: 64 };

test('clients of one network are one client', () => {
  const of = (address: string) => tripletOf(address, null, mailbox('Bob@House.example'), prefixes);
  assert.deepEqual(of('192.0.2.1'), of('::ffff:192.0.2.250'));
  assert.notDeepEqual(of('192.0.2.1'), of('192.0.3.1'));
  assert.deepEqual(of('2001:db8::1'), of('2001:db8::ffff:1'));
  assert.equal(of('192.0.2.1').recipient, 'bob@house.example');
});

const senders: readonly (readonly [one: string, other: string])[] = [
  ['list-bounces-1234@l.example', 'list-bounces-99@l.example'],
  ['list+ann=example.org@l.example', 'list+bob=example.com@l.example'],
  ['prvs=123456789a=ann@l.example', 'prvs=987654321b=ann@l.example'],
  ['SRS0=HHH=TT=a.example=ann@l.example', 'SRS0=XXX=UU=b.example=bob@l.example'],
  ['Ann@l.example', 'ann@l.example'],
];
for (const [one, other] of senders) {
  test(`${one} and ${other} are one sender`, () => {
    const of = (sender: string) =>
      tripletOf('192.0.2.1', mailbox(sender), mailbox('b@house.example'), prefixes).sender;
    assert.equal(of(one), of(other));
    assert.notEqual(of(one), of(`other-${one}`));
  });
}

test('addresses are exempt whole, by domain, by what is below it or by local part', () => {
  const list = new AddressList(['ann@a.example', 'b.example', '.c.example', 'postmaster@']);
  for (const yes of ['Ann@A.example', 'x@b.example', 'x@d.c.example', 'POSTMASTER@any.example', 'postmaster'])
    assert.ok(list.has(mailbox(yes)), yes);
  for (const no of ['bob@a.example', 'x@d.b.example', 'x@c.example', 'postmaster2@any.example'])
    assert.ok(!list.has(mailbox(no)), no);
});

const rules = { delay: 300, retryWindow: 10_000, lifetime: 100_000 };
const table: readonly (readonly [
  what: string,
  remembered: Remembered | undefined,
  now: number,
  judgement: Judgement,
])[] = [
  ['never heard of', undefined, 1000, { kind: 'new', wait: 300 }],
  ['too early', { first: 1000, last: 1000, passed: false }, 1100, { kind: 'early', wait: 200 }],
  ['just in time', { first: 1000, last: 1000, passed: false }, 1300, { kind: 'passes' }],
  ['too late', { first: 1000, last: 1000, passed: false }, 11_001, { kind: 'new', wait: 300 }],
  ['known', { first: 1000, last: 50_000, passed: true }, 60_000, { kind: 'known' }],
  ['long not heard of', { first: 1000, last: 1000, passed: true }, 101_001, { kind: 'new', wait: 300 }],
  [
    'remembered from the future',
    { first: 9000, last: 9000, passed: false },
    1000,
    { kind: 'new', wait: 300 },
  ],
];
for (const [what, remembered, now, judgement] of table) {
  test(`a triplet ${what}: ${judgement.kind}`, () => {
    assert.deepEqual(judge(remembered, now, rules), judgement);
  });
}
