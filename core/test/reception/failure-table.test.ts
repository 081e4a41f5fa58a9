import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FailureTable } from '../../src/reception/index.ts';

const LIMITS = { authFailuresPerAddress: 3, authFailureAddresses: 4, ipv6Prefix: 64 };
const DEADLINES = { authDelay: 1000, authFailures: 60_000 };

function failing(table: FailureTable, address: string, times: number, now = 0): void {
  for (let turn = 0; turn < times; turn++) table.failed(address, `${address} ${turn}`, now);
}

test('an address is blocked from the last permitted failure until its time is over', () => {
  const table = new FailureTable(LIMITS, DEADLINES);
  failing(table, '192.0.2.1', 2);
  assert.equal(table.isBlocked('192.0.2.1', 10), false);
  table.failed('192.0.2.1', 'third', 10);
  assert.equal(table.isBlocked('192.0.2.1', 10), true);
  assert.equal(table.isBlocked('192.0.2.2', 10), false);
  assert.equal(table.isBlocked('192.0.2.1', 59_999), true);
  assert.equal(table.isBlocked('192.0.2.1', 60_000), false);
});

test('a /64 of IPv6 is one address, however it is written, and an IPv4 address in IPv6 is itself', () => {
  const table = new FailureTable(LIMITS, DEADLINES);
  failing(table, '2001:db8::1', 3);
  assert.equal(table.isBlocked('2001:db8:0:0:1:2:3:4', 0), true);
  assert.equal(table.isBlocked('2001:DB8::ffff', 0), true);
  assert.equal(table.isBlocked('2001:db8:0:1::1', 0), false);
  failing(table, '::ffff:192.0.2.1', 3);
  assert.equal(table.isBlocked('192.0.2.1', 0), true);
});

test('the same credentials again are no new failure, and those that cannot be compared always are', () => {
  const table = new FailureTable(LIMITS, DEADLINES);
  for (let turn = 0; turn < 10; turn++) table.failed('192.0.2.1', 'ann old', 0);
  assert.equal(table.isBlocked('192.0.2.1', 0), false);
  for (let turn = 0; turn < 3; turn++) table.failed('192.0.2.2', undefined, 0);
  assert.equal(table.isBlocked('192.0.2.2', 0), true);
});

test('loopback is never blocked, since every program of the machine comes from there', () => {
  const table = new FailureTable(LIMITS, DEADLINES);
  for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
    failing(table, address, 10);
    assert.equal(table.isBlocked(address, 0), false, address);
  }
});

test('the table keeps to its bound and forgets the oldest first', () => {
  const table = new FailureTable(LIMITS, DEADLINES);
  for (let host = 1; host <= 10; host++) failing(table, `192.0.2.${host}`, 3);
  assert.equal(table.size, 4);
  assert.equal(table.isBlocked('192.0.2.6', 0), false);
  assert.equal(table.isBlocked('192.0.2.7', 0), true);
});

test('the wait doubles with each other failure, up to sixteen times', () => {
  const table = new FailureTable({ ...LIMITS, authFailuresPerAddress: 100 }, DEADLINES);
  const wait = (credentials: string): number => table.failed('192.0.2.1', credentials, 0);
  assert.deepEqual(
    ['a', 'b', 'b', 'c', 'd', 'e', 'f'].map(wait),
    [1000, 2000, 2000, 4000, 8000, 16_000, 16_000],
  );
});
