import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  didYouMean,
  formatByteSize,
  formatDuration,
  formatRate,
  nearest,
  parseByteSize,
  parseDuration,
  parseRate,
  roughByteSize,
  roughDuration,
} from '../../../src/server/configuration/index.ts';

test('durations and sizes are read with their unit, and a bare number is milliseconds or octets', () => {
  const durations: readonly (readonly [string | number, number | undefined])[] = [
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['2 h', 7_200_000],
    ['5d', 432_000_000],
    ['1.5h', 5_400_000],
    ['250', 250],
    [250, 250],
    [0, 0],
    [-1, undefined],
    [1.5, undefined],
    [Number.NaN, undefined],
    ['1.5', undefined],
    ['5 minutes', undefined],
    ['5M', undefined],
    ['-5m', undefined],
    ['', undefined],
    ['9999999999999d', undefined],
  ];
  for (const [given, wanted] of durations) assert.equal(parseDuration(given), wanted, String(given));
  const sizes: readonly (readonly [string | number, number | undefined])[] = [
    ['512 B', 512],
    ['64 KiB', 65_536],
    ['50MiB', 52_428_800],
    ['1 GiB', 1_073_741_824],
    [2048, 2048],
    ['50 MB', undefined],
    ['50  MiB', undefined],
    ['1e9', undefined],
  ];
  for (const [given, wanted] of sizes) assert.equal(parseByteSize(given), wanted, String(given));
});

test('rates are read with their unit of time, written as the shortest, and a bare number is times in a second', () => {
  const rates: readonly (readonly [string | number, number | undefined, string?])[] = [
    ['20/s', 20, '20/s'],
    ['600/m', 10, '10/s'],
    ['90/m', 1.5, '90/m'],
    ['1000/h', 1000 / 3600, '1000/h'],
    ['5/d', 5 / 86_400, '5/d'],
    ['0.5/s', 0.5, '30/m'],
    [2.5, 2.5, '150/m'],
    [0, undefined],
    ['0/s', undefined],
    ['20', undefined],
    ['20 per second', undefined],
    ['20/ms', undefined],
    [Number.POSITIVE_INFINITY, undefined],
  ];
  for (const [given, wanted, written] of rates) {
    assert.equal(parseRate(given), wanted, String(given));
    if (wanted !== undefined) assert.equal(formatRate(wanted), written);
  }
});

test('what is written out exactly is read back as the same number', () => {
  const number = fc.integer({ min: 0, max: 2 ** 50 });
  fc.assert(
    fc.property(number, (milliseconds) => parseDuration(formatDuration(milliseconds)) === milliseconds),
  );
  fc.assert(fc.property(number, (octets) => parseByteSize(formatByteSize(octets)) === octets));
  assert.equal(formatDuration(300_000), '5m');
  assert.equal(formatByteSize(52_428_800), '50 MiB');
});

test('in a table one unit is enough', () => {
  assert.equal(roughDuration(90_061_000), '1d');
  assert.equal(roughDuration(59_999), '59s');
  assert.equal(roughDuration(12), '0s');
  assert.equal(roughByteSize(162), '162 B');
  assert.equal(roughByteSize(5000), '4.9 KiB');
  assert.equal(roughByteSize(52_428_800), '50 MiB');
});

test('the nearest known word is offered when it is near enough to be meant', () => {
  const known = ['listeners', 'limits', 'plugins', 'hostname'];
  assert.equal(nearest('listners', known), 'listeners');
  assert.equal(nearest('pulgins', known), 'plugins');
  assert.equal(nearest('HOSTNAME', known), 'hostname');
  assert.equal(nearest('workers', known), undefined);
  assert.equal(nearest('c', ['a', 'b']), undefined);
  assert.equal(didYouMean('on-rctp', ['on-rcpt', 'on-data']), '; did you mean on-rcpt?');
  assert.equal(didYouMean('xyz', known), '');
});
