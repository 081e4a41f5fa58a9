import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatUnicodeXtext,
  formatXtext,
  type ParameterSupport,
  parseMailParameters,
  parseRcptParameters,
  parseUnicodeXtext,
  parseXtext,
} from '../../src/smtp/index.ts';

const all: ParameterSupport = {
  size: true,
  eightBitMime: true,
  binaryMime: true,
  smtputf8: true,
  dsn: true,
  auth: true,
  requiretls: true,
  futureRelease: true,
};
const none: ParameterSupport = {
  size: false,
  eightBitMime: false,
  binaryMime: false,
  smtputf8: false,
  dsn: false,
  auth: false,
  requiretls: false,
  futureRelease: false,
};

type Result = ReturnType<typeof parseMailParameters> | ReturnType<typeof parseRcptParameters>;

function shown(result: Result): unknown {
  return 'fault' in result ? `${result.fault.code} ${result.fault.status}` : result.parameters;
}

test('the parameters of MAIL are read in any case and order', () => {
  for (const [rest, expected] of [
    ['', {}],
    [' SIZE=4096 BODY=8BITMIME', { size: 4096, body: '8BITMIME' }],
    [' body=8bitmime size=0', { size: 0, body: '8BITMIME' }],
    ['  SMTPUTF8  REQUIRETLS ', { smtputf8: true, requiretls: true }],
    [' BODY=BINARYMIME RET=hdrs ENVID=QQ+3D31+2B', { body: 'BINARYMIME', ret: 'HDRS', envid: 'QQ=31+' }],
    [' AUTH=<>', { auth: '<>' }],
    [' AUTH=e+3Dmc2@example.com', { auth: 'e=mc2@example.com' }],
    [' SIZE=99999999999999999999', { size: 1e20 }],
  ] as const) {
    assert.deepEqual(shown(parseMailParameters(rest, all)), expected, rest);
  }
});

test('the parameters of RCPT are read in any case and order', () => {
  for (const [rest, expected] of [
    ['', {}],
    [' NOTIFY=NEVER', { notify: ['NEVER'] }],
    [' notify=success,Delay,SUCCESS', { notify: ['SUCCESS', 'DELAY'] }],
    [' ORCPT=RFC822;a+2Bb@x.example', { orcpt: { type: 'rfc822', address: 'a+b@x.example' } }],
    [' ORCPT=utf-8;j\\x{F6}@x', { orcpt: { type: 'utf-8', address: 'jö@x' } }],
    [' ORCPT=utf-8;jö@x', { orcpt: { type: 'utf-8', address: 'jö@x' } }],
  ] as const) {
    assert.deepEqual(shown(parseRcptParameters(rest, all)), expected, rest);
  }
});

test('a malformed value, or a parameter given twice, is 501', () => {
  for (const rest of [
    ' SIZE',
    ' SIZE=',
    ' SIZE=-1',
    ' SIZE=1e3',
    ' SIZE=123456789012345678901',
    ' BODY',
    ' BODY=9BIT',
    ' SMTPUTF8=1',
    ' REQUIRETLS=yes',
    ' RET=ALL',
    ' RET',
    ' ENVID=',
    ' ENVID=a+',
    ' ENVID=a+0D+0Ab',
    ' ENVID=a+4',
    ' AUTH=joe',
    ` ENVID=${'a'.repeat(101)}`,
    ' AUTH',
    ' SIZE=1 SIZE=1',
    ' SIZE=1 size=2',
    ' =1',
    ' SI_ZE=1',
    ' -X=1',
    ' SIZE=1=2',
    ' SIZE=\u0001',
  ]) {
    assert.equal(shown(parseMailParameters(rest, all)), '501 5.5.4', rest);
  }
  for (const rest of [
    ' NOTIFY',
    ' NOTIFY=',
    ' NOTIFY=NEVER,SUCCESS',
    ' NOTIFY=NEVER,NEVER',
    ' NOTIFY=SOMETIMES',
    ' NOTIFY=SUCCESS,',
    ' ORCPT=',
    ' ORCPT=a@x',
    ' ORCPT=;a@x',
    ' ORCPT=rfc822;',
    ' ORCPT=rfc822;a+0Ab@x',
    ' ORCPT=rfc822;jö@x',
    ' ORCPT=utf-8;\\x{110000}',
    ' ORCPT=utf-8;\\x{A}',
    ' ORCPT=utf-8;\\x{D800}',
    ` ORCPT=rfc822;${'a'.repeat(500)}`,
    ' NOTIFY=NEVER NOTIFY=NEVER',
  ]) {
    assert.equal(shown(parseRcptParameters(rest, all)), '501 5.5.4', rest);
  }
});

// RFC 5321 §4.1.1.11
test('a parameter that is unknown or not on offer is 555', () => {
  for (const rest of [
    ' X=1',
    ' NOTIFY=NEVER',
    ' __proto__'.toUpperCase().replaceAll('_', 'P'),
    ' CONSTRUCTOR=1',
  ]) {
    assert.equal(shown(parseMailParameters(rest, all)), '555 5.5.4', rest);
  }
  for (const rest of [
    ' SIZE=1',
    ' BODY=7BIT',
    ' SMTPUTF8',
    ' REQUIRETLS',
    ' RET=FULL',
    ' ENVID=a',
    ' AUTH=<>',
  ]) {
    assert.equal(shown(parseMailParameters(rest, none)), '555 5.5.4', rest);
  }
  assert.equal(shown(parseMailParameters(' BODY=BINARYMIME', { ...all, binaryMime: false })), '555 5.5.4');
  assert.equal(shown(parseRcptParameters(' SIZE=1', all)), '555 5.5.4');
  assert.equal(shown(parseRcptParameters(' NOTIFY=NEVER', none)), '555 5.5.4');
});

test('xtext is strict about what it is made of', () => {
  assert.equal(parseXtext('a+2Bb+3Dc'), 'a+b=c');
  assert.equal(parseXtext('+C3+A9'), 'é');
  for (const bad of ['a b', 'a=b', 'a+', 'a+2', 'a+2G', 'é', '+FF', 'a\n'])
    assert.equal(parseXtext(bad), undefined, bad);
  assert.equal(formatXtext('a+b=c é'), 'a+2Bb+3Dc+20+C3+A9');
  assert.equal(formatUnicodeXtext('a\\é 用'), 'a\\x{5C}\\x{E9}\\x{20}\\x{7528}');
});

test('what is encoded as xtext is decoded to the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      assert.equal(parseXtext(formatXtext(value)), value);
      assert.equal(parseUnicodeXtext(formatUnicodeXtext(value)), value);
    }),
  );
});

test('the parameter parsers never throw', () => {
  const words = fc.constantFrom(
    'SIZE',
    'ENVID',
    'ORCPT',
    'NOTIFY',
    'AUTH',
    '=',
    ' ',
    ';',
    '+',
    '+41',
    ',',
    'NEVER',
    '\\x{',
    'é',
  );
  const rest = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(words).map((parts) => ` ${parts.join('')}`),
  );
  fc.assert(
    fc.property(rest, (value) => {
      parseMailParameters(value, all);
      parseRcptParameters(value, all);
    }),
    { numRuns: 1000 },
  );
});
