import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcomeOfAnswer } from '../src/outcome-of-answer.ts';
import { kind } from './endpoint.ts';

const NOW = Date.UTC(2026, 10, 24, 12, 0, 0);
const of = (status: number, retryAfter?: string, body = '') =>
  outcomeOfAnswer({ status, phrase: 'Phrase', retryAfter, body }, 'hooks.example', NOW);

const rows: readonly (readonly [number, string, 'destination' | undefined])[] = [
  [200, 'delivered', undefined],
  [202, 'delivered', undefined],
  [204, 'delivered', undefined],
  [301, 'deferred 4.3.5', 'destination'],
  [307, 'deferred 4.3.5', 'destination'],
  [400, 'failed 5.6.0', undefined],
  [401, 'deferred 4.7.0', 'destination'],
  [403, 'failed 5.7.1', undefined],
  [404, 'failed 5.1.1', undefined],
  [408, 'deferred 4.4.2', undefined],
  [410, 'failed 5.1.6', undefined],
  [413, 'failed 5.3.4', undefined],
  [418, 'failed 5.0.0', undefined],
  [422, 'failed 5.6.0', undefined],
  [425, 'deferred 4.4.5', undefined],
  [429, 'deferred 4.4.5', 'destination'],
  [500, 'deferred 4.3.0', undefined],
  [501, 'deferred 4.3.0', undefined],
  [503, 'deferred 4.3.2', 'destination'],
  [504, 'deferred 4.4.1', 'destination'],
  [599, 'deferred 4.3.0', undefined],
];
for (const [status, expected, scope] of rows) {
  test(`${status} is ${expected}${scope === undefined ? '' : `, and the ${scope} waits`}`, () => {
    const outcome = of(status);
    assert.equal(kind(outcome), expected);
    assert.equal(outcome.kind === 'deferred' ? outcome.scope : undefined, scope);
  });
}

const waits: readonly (readonly [string, number | undefined])[] = [
  ['120', 120_000],
  ['Tue, 24 Nov 2026 12:05:00 GMT', 300_000],
  ['Tue, 24 Nov 2026 11:05:00 GMT', undefined],
  ['0', undefined],
  ['soon', undefined],
  ['9999999999', 86_400_000],
];
for (const [value, expected] of waits) {
  test(`Retry-After: ${value} is ${expected ?? 'nothing'}`, () => {
    for (const status of [429, 503, 500]) {
      const outcome = of(status, value);
      assert.equal(outcome.kind === 'deferred' && outcome.retryAfter, expected);
    }
  });
}

test('what the endpoint says is shortened and can do no harm', () => {
  const outcome = of(500, undefined, `\u001b[31m\r\n250 ok\u202e ${'x'.repeat(1000)}`);
  assert.ok(outcome.kind === 'deferred');
  assert.match(outcome.text, /^hooks\.example said: 500 Phrase \\x\{1B\}\[31m 250 ok\\x\{202E\} x+…$/);
  assert.ok(outcome.text.length < 240);
});
