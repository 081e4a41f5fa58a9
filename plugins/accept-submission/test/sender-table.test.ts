import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mailbox } from '@posthouse/core';
import { SenderTable } from '../src/sender-table.ts';

/** Everybody's patterns, the user, the address, and whether he may use it. */
const table: readonly (readonly [pattern: string, user: string, address: string, may: boolean])[] = [
  ['*', 'ann', 'who@anywhere.example', true],
  ['*@example.org', 'ann', 'who@example.org', true],
  ['@example.org', 'ann', 'who@EXAMPLE.org', true],
  ['*@example.org', 'ann', 'who@sub.example.org', false],
  ['*@bücher.example', 'ann', 'who@xn--bcher-kva.example', true],
  ['*@xn--bcher-kva.example', 'ann', 'who@bücher.example', true],
  ['ann@example.org', 'ann', 'Ann@example.org', true],
  ['ann@example.org', 'eve', 'ann@example.org', true],
  ['ann@example.org', 'ann', 'bob@example.org', false],
  ['ann@example.org', 'ann', 'ann+lists@example.org', true],
  ['ann@example.org', 'ann', 'bob+ann@example.org', false],
  ['ann@example.org', 'ann', '+ann@example.org', false],
  ['ann+lists@example.org', 'ann', 'ann+lists@example.org', true],
  ['ann+lists@example.org', 'ann', 'ann@example.org', false],
  ['{user}', 'ann@example.org', 'ann@example.org', true],
  ['{user}', 'ANN@Example.org', 'ann@example.org', true],
  ['{user}', 'ann@example.org', 'ann+lists@example.org', true],
  ['{user}', 'ann@example.org', 'eve@example.org', false],
  ['{user}', 'ann', 'ann@example.org', false],
  ['{user}', '*', 'ann@example.org', false],
  ['{user}', '*@example.org', 'ann@example.org', false],
  ['{user}', '', 'ann@example.org', false],
  ['{user}@example.org', 'ann', 'ann@example.org', true],
  ['{user}@example.org', 'Ann', 'ann@example.org', true],
  ['{user}@example.org', 'ann', 'ann@example.net', false],
  ['{user}@example.org', 'ann', 'eve@example.org', false],
  ['{user}@example.org', '*', 'eve@example.org', false],
  ['{user}@example.org', 'ann@example.org', 'ann@example.org', false],
  ['{user}@example.org', 'john doe', '"john doe"@example.org', true],
  ['{user}@[192.0.2.1]', 'ann', 'ann@[192.0.2.1]', true],
];

for (const [pattern, user, address, may] of table) {
  test(`with ${pattern} the user “${user}” may ${may ? '' : 'not '}send as ${address}`, () => {
    const senders = new SenderTable({ senders: [pattern], entries: [], recipientDelimiter: '+' });
    assert.equal(senders.mayUse(user, mailbox(address)), may);
  });
}

test('without a delimiter a detail makes another address', () => {
  const senders = new SenderTable({ senders: ['ann@example.org'], entries: [] });
  assert.equal(senders.mayUse('ann', mailbox('ann+lists@example.org')), false);
});

test("what a user may use is added to everybody's, for him alone", () => {
  const entries = [{ user: 'ann', senders: ['sales@example.org', '*@example.net'], where: 'here' }];
  const senders = new SenderTable({ senders: ['{user}@example.org'], entries });
  const may = (user: string, address: string): boolean => senders.mayUse(user, mailbox(address));
  assert.ok(may('ann', 'ann@example.org'));
  assert.ok(may('ann', 'sales@example.org'));
  assert.ok(may('ann', 'who@example.net'));
  assert.ok(!may('eve', 'sales@example.org'));
  assert.ok(!may('Ann', 'sales@example.org'));
  assert.ok(may('eve', 'eve@example.org'));
});

for (const bad of [
  'ann',
  'ann@',
  '@',
  'no domain@x y',
  '*@*',
  '{user}@',
  '{usr}@example.org',
  '**',
  'postmaster',
  '',
]) {
  test(`“${bad}” is refused as a sender by its place`, () => {
    assert.throws(
      () =>
        new SenderTable({ senders: [], entries: [{ user: 'ann', senders: [bad], where: 'users["ann"]' }] }),
      { code: 'config-invalid', message: /^users\["ann"\]: / },
    );
  });
}

test('a user who stands in two places is named', () => {
  const entry = { user: 'ann', senders: ['*'] };
  assert.throws(
    () =>
      new SenderTable({
        senders: [],
        entries: [
          { ...entry, where: 'a' },
          { ...entry, where: 'file:3' },
        ],
      }),
    { message: 'file:3: "ann" stands in a already' },
  );
});
