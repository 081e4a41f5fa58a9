import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalField } from '../../src/dkim/canonical-field.ts';

const canonicals: readonly (readonly [what: string, raw: string, relaxed: string])[] = [
  ['RFC 6376 §3.4.5, first field', 'A: X\r\n', 'a:X\r\n'],
  ['RFC 6376 §3.4.5, second field', 'B : Y\t\r\n\tZ  \r\n', 'b:Y Z\r\n'],
  ['no value', 'Subject:\r\n', 'subject:\r\n'],
  ['a value of white space', 'Subject: \t \r\n', 'subject:\r\n'],
  ['a line of white space within', 'Subject: a\r\n \r\n b\r\n', 'subject:a b\r\n'],
  ['a colon in the value', 'X: a:b : c\r\n', 'x:a:b : c\r\n'],
  ['octets beyond ASCII', 'X: \xc3\xa4\xa0\r\n', 'x:\xc3\xa4\xa0\r\n'],
];
for (const [what, raw, relaxed] of canonicals) {
  test(`a field canonicalized: ${what}`, () => {
    assert.equal(canonicalField(raw, 'relaxed'), relaxed);
    assert.equal(canonicalField(raw, 'simple'), raw);
  });
}
