import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  futureReleaseKeyword,
  holdFault,
  parseHoldFor,
  parseHoldUntil,
  releaseTime,
} from '../../src/smtp/future-release.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-01-05T12:00:00Z');
const offer = { longest: 24 * HOUR, now: () => NOW };

test('RFC 4865 §4: the keyword has the longest interval and the latest time', () => {
  assert.equal(futureReleaseKeyword(offer), 'FUTURERELEASE 86400 2026-01-06T12:00:00Z');
  assert.equal(
    futureReleaseKeyword({ longest: 1e15, now: () => 0 }),
    'FUTURERELEASE 999999999 2001-09-09T01:46:39Z',
  );
  assert.equal(futureReleaseKeyword({ longest: 1500, now: () => 1 }), 'FUTURERELEASE 1 1970-01-01T00:00:01Z');
});

test('RFC 4865 §4: an interval is one to nine digits, the first no zero', () => {
  for (const [value, seconds] of [
    ['1', 1],
    ['999999999', 999_999_999],
    ['0', undefined],
    ['01', undefined],
    ['1000000000', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['', undefined],
    [undefined, undefined],
  ] as const)
    assert.equal(parseHoldFor(value), seconds, value);
});

test('RFC 3339 §5.6: a time has a date that is in the calendar, and an offset', () => {
  for (const good of [
    '2026-01-05T12:00:01Z',
    '2026-01-05t12:00:01z',
    '2028-02-29T00:00:00Z',
    '2026-01-05T12:00:01.25+02:00',
    '2026-01-05T23:59:59-23:59',
  ])
    assert.equal(parseHoldUntil(good), good, good);
  for (const bad of [
    undefined,
    '',
    'tomorrow',
    '2026-01-05',
    '2026-01-05T12:00:01',
    '2026-01-05 12:00:01Z',
    '2026-02-30T12:00:01Z',
    '2027-02-29T12:00:01Z',
    '2026-13-01T12:00:01Z',
    '2026-00-01T12:00:01Z',
    '2026-01-00T12:00:01Z',
    '2026-01-05T24:00:00Z',
    '2026-01-05T12:60:00Z',
    '2026-01-05T12:00:60Z',
    '2026-01-05T12:00:01+24:00',
    '2026-01-05T12:00:01+0200',
    `2026-01-05T12:00:01.${'0'.repeat(30)}Z`,
    '+02026-01-05T12:00:01Z',
  ])
    assert.equal(parseHoldUntil(bad), undefined, bad);
});

test('a message goes when its sender wants, and at once where nothing was asked', () => {
  assert.equal(releaseTime({}, NOW), NOW);
  assert.equal(releaseTime({ holdFor: 60 }, NOW), NOW + 60_000);
  assert.equal(releaseTime({ holdUntil: '2026-01-05T15:00:00+02:00' }, NOW), NOW + HOUR);
  assert.equal(releaseTime({ holdUntil: '2026-01-05t13:00:00z' }, NOW), NOW + HOUR);
  // The time came while the message was on its way.
  assert.equal(releaseTime({ holdUntil: '2026-01-05T11:59:59Z' }, NOW), NOW);
  // What a store of another version has kept.
  assert.equal(releaseTime({ holdUntil: 'nonsense' }, NOW), NOW);
});

test('RFC 4865 §5: both, too long, and too late are wrong parameters', () => {
  const fault = (hold: object): string | undefined => holdFault(hold, offer)?.text;
  assert.equal(fault({}), undefined);
  assert.equal(fault({ holdFor: 86_400 }), undefined);
  assert.equal(fault({ holdUntil: '2026-01-06T12:00:00Z' }), undefined);
  assert.match(fault({ holdFor: 86_401 }) ?? '', /that long/);
  assert.match(fault({ holdUntil: '2026-01-06T12:00:01Z' }) ?? '', /that long/);
  assert.match(fault({ holdUntil: '2026-01-05T12:00:00Z' }) ?? '', /passed/);
  assert.match(fault({ holdFor: 1, holdUntil: '2026-01-05T12:00:01Z' }) ?? '', /exclude/);
  assert.deepEqual(
    [holdFault({ holdFor: 86_401 }, offer)?.code, holdFault({ holdFor: 86_401 }, offer)?.status],
    [501, '5.5.4'],
  );
});

test('whatever is taken for a time is one', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^\d{4}-[0-3]\d-[0-3]\dT[0-2]\d:[0-6]\d:[0-6]\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/),
      (value) => {
        if (parseHoldUntil(value) !== undefined) assert.ok(Number.isFinite(Date.parse(value)), value);
      },
    ),
    { numRuns: 2000 },
  );
});
