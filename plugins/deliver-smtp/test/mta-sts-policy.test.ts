// The grammar of MTA-STS: RFC 8461 §3.1, §3.2 and §4.1.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allowsHost, parsePolicy, policyId } from '../src/mta-sts/policy.ts';

const records: readonly (readonly [readonly string[], string | undefined])[] = [
  [['v=STSv1; id=20160831085700Z;'], '20160831085700Z'],
  [['v=STSv1;id=1'], '1'],
  [['v=STSv1 ; id=a1 ; '], 'a1'],
  [['v=STSv1; foo=bar; id=7; x-y.z=!~'], '7'],
  [['v=spf1 -all', 'v=STSv1; id=1'], '1'],
  [[], undefined],
  [['v=STSv1'], undefined],
  [['v=STSv1;'], undefined],
  [['v=STSv2; id=1'], undefined],
  [['id=1; v=STSv1'], undefined],
  [['v=STSv1; id=1', 'v=STSv1; id=2'], undefined],
  [['v=STSv1; id=1 2'], undefined],
  [['v=STSv1; id=a-b'], undefined],
  [['v=STSv1; id='], undefined],
  [['v=STSv1; foo=1'], undefined],
  [['v=STSv1; id=1; nonsense'], undefined],
  [[`v=STSv1; id=${'1'.repeat(33)}`], undefined],
  [['v=STSv11; id=1'], undefined],
];
for (const [given, id] of records) {
  test(`the id of ${JSON.stringify(given)} is ${id}`, () => assert.equal(policyId(given), id));
}

const HEAD = 'version: STSv1\r\nmode: enforce\r\n';

test('a policy is read', () => {
  const text = `${HEAD}mx: mail.example.com\r\nmx: *.Example.net\r\nmx: backupmx.example.com.\r\nmax_age: 604800\r\n`;
  assert.deepEqual(parsePolicy(text), {
    mode: 'enforce',
    maxAge: 604_800,
    mx: ['mail.example.com', '*.example.net', 'backupmx.example.com'],
  });
});

test('line ends, white space, order, unknown fields and repetitions are as the RFC allows', () => {
  const text =
    'max_age:  100 \nmx:a.example\nnew_thing: x: y\n\nmode: testing\nmode: enforce\nversion :STSv1\nmax_age: 5';
  assert.deepEqual(parsePolicy(text), { mode: 'testing', maxAge: 100, mx: ['a.example'] });
});

test('a policy of none needs no mx, and no age is longer than a year', () => {
  assert.deepEqual(parsePolicy('version: STSv1\nmode: none\nmax_age: 9999999999'), {
    mode: 'none',
    maxAge: 31_557_600,
    mx: [],
  });
});

for (const [text, words] of [
  ['', /version/],
  ['<html>', /key: value/],
  ['version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 1', /version/],
  ['version: STSv1\nmx: a.example\nmax_age: 1', /mode/],
  ['version: STSv1\nmode: report\nmx: a.example\nmax_age: 1', /mode/],
  [`${HEAD}mx: a.example`, /max_age/],
  [`${HEAD}mx: a.example\nmax_age: -1`, /max_age/],
  [`${HEAD}mx: a.example\nmax_age: 12345678901`, /max_age/],
  [`${HEAD}max_age: 1`, /no mx/],
  [`${HEAD}mx: *\nmax_age: 1`, /no host name/],
  [`${HEAD}mx: a.*.example\nmax_age: 1`, /no host name/],
  [`${HEAD}mx: **.example\nmax_age: 1`, /no host name/],
  [`${HEAD}mx: büro.example\nmax_age: 1`, /no host name/],
  [`${HEAD}${'mx: a.example\n'.repeat(101)}max_age: 1`, /too many mx/],
] as const) {
  test(`${JSON.stringify(text.slice(0, 70))} is no policy`, () =>
    assert.throws(
      () => parsePolicy(text),
      (error) => error instanceof TypeError && words.test(error.message),
    ));
}

test('a wildcard stands for one label, and a name for itself, in any case', () => {
  const allowed = (mx: string, host: string): boolean => allowsHost({ mx: [mx] }, host);
  for (const [mx, host, expected] of [
    ['mx.example.com', 'MX.example.com', true],
    ['mx.example.com', 'mx2.example.com', false],
    ['*.example.com', 'mx.example.com', true],
    ['*.example.com', 'a.mx.example.com', false],
    ['*.example.com', 'example.com', false],
    ['*.example.com', 'mx.example.com.evil.test', false],
    ['*.com', 'localhost', false],
  ] as const)
    assert.equal(allowed(mx, host), expected, `${mx} ${host}`);
});

test('whatever comes, it is a policy or a TypeError', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      policyId([text]);
      policyId([`v=STSv1;${text}`]);
      try {
        parsePolicy(`${HEAD}${text}`);
      } catch (error) {
        assert.ok(error instanceof TypeError);
      }
    }),
  );
});
