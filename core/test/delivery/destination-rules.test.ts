// The operator's table of destinations: which row holds for which lane.

import assert from 'node:assert/strict';
import test from 'node:test';
import { PosthouseError } from '../../src/contract/index.ts';
import { checkDestinations, DestinationRules } from '../../src/delivery/destination-rules.ts';

test('the first row that fits holds, and what it leaves open goes by the default', () => {
  const rules = new DestinationRules([
    { match: ['big.example', '.big.example'], connections: 50, rate: 10 },
    { match: ['box.example'], transport: 'deliver-lmtp', connections: 1 },
    { match: ['.example'], messagesPerConnection: 5 },
    { match: ['*'], connections: 3 },
  ]);
  const table: readonly (readonly [string, string, object])[] = [
    ['deliver-smtp', 'big.example', { connections: 50, messagesPerSecond: 10 }],
    ['deliver-smtp', 'MX.Big.Example', { connections: 50, messagesPerSecond: 10 }],
    ['deliver-lmtp', 'box.example', { connections: 1 }],
    ['deliver-smtp', 'box.example', { connections: 20, messagesPerConnection: 5 }],
    ['deliver-smtp', 'notbig.example', { connections: 20, messagesPerConnection: 5 }],
    ['deliver-smtp', '[127.0.0.1]:2525', { connections: 3 }],
  ];
  for (const [transport, destination, expected] of table)
    assert.deepEqual(rules.rulesFor({ transport, destination }, 20), expected, destination);
});

test('without a row that fits the default holds', () => {
  const rules = new DestinationRules([{ match: ['a.example'], connections: 1 }]);
  assert.deepEqual(rules.rulesFor({ transport: null, destination: '' }, 7), { connections: 7 });
});

test('a row for a plugin that carries no mail is a mistake in the configuration', () => {
  assert.throws(
    () =>
      checkDestinations({ destinations: [{ match: ['*'] }, { match: ['*'], transport: 'check-spam' }] }, [
        'deliver-smtp',
      ]),
    (error) =>
      PosthouseError.is(error, 'config-invalid') &&
      /delivery\.destinations\[1\]\.transport: .*check-spam/.test(String((error as Error).message)),
  );
});

test('destinations with the same hosts are one, in whatever order they are named', () => {
  const rules = new DestinationRules([]);
  const group = (destination: string, ...hosts: string[]) =>
    rules.groupOf({ transport: 'deliver-smtp', destination }, hosts, 20).key;
  const key = group('a.example', 'mx1.example', 'MX2.example');
  assert.equal(group('b.example', 'mx2.example', 'mx1.example', 'mx1.example'), key);
  assert.notEqual(group('b.example', 'mx1.example'), key);
});

test('one with a row of its own shares only with those of the same row: nobody else has its limits, nor it theirs', () => {
  const rules = new DestinationRules([
    { match: ['a.example', 'b.example'], connections: 2 },
    { match: ['*'], rate: 5 },
  ]);
  const group = (destination: string) =>
    rules.groupOf({ transport: 'deliver-smtp', destination }, ['mx.example'], 20);
  assert.deepEqual(group('a.example').rules, { connections: 2 });
  assert.deepEqual(group('c.example').rules, { connections: 20, messagesPerSecond: 5 });
  assert.equal(group('a.example').key, group('b.example').key);
  assert.equal(group('c.example').key, group('d.example').key);
  assert.notEqual(group('a.example').key, group('c.example').key);
});

test('a row with mx is one for all destinations whose best host fits', () => {
  const rules = new DestinationRules([{ match: ['*'] }, { mx: ['.outlook.example'], rate: 5 }]);
  const group = (...hosts: string[]) =>
    rules.groupOf({ transport: 'deliver-smtp', destination: 'a.example' }, hosts, 20);
  assert.deepEqual(group('a.outlook.example', 'x.example'), {
    key: 'row 1',
    rules: { connections: 20, messagesPerSecond: 5 },
  });
  assert.equal(group('B.Outlook.example').key, 'row 1');
  assert.notEqual(group('x.example', 'a.outlook.example').key, 'row 1');
});
