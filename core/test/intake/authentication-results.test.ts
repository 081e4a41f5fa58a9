import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { AuthenticationResult } from '../../src/contract/index.ts';
import { authenticationResultsField, claimsAuthservId } from '../../src/intake/authentication-results.ts';
import { ParsedHeaders } from '../../src/intake/header-section.ts';

const ID = 'mx.example.org';

describe('the field', () => {
  const table: readonly (readonly [
    what: string,
    result: AuthenticationResult,
    written: string,
    utf8?: boolean,
  ])[] = [
    ['a method and its result', { method: 'spf', result: 'none' }, 'spf=none'],
    [
      'domains and addresses stand bare',
      { method: 'spf', result: 'pass', properties: { 'smtp.mailfrom': 'ann+x@a-b.example' } },
      'spf=pass smtp.mailfrom=ann+x@a-b.example',
    ],
    [
      'a signing identity may be a domain behind an @',
      { method: 'dkim', result: 'pass', properties: { 'header.i': '@a.example' } },
      'dkim=pass header.i=@a.example',
    ],
    [
      'base64 is no token and is quoted',
      { method: 'dkim', result: 'pass', properties: { 'header.b': 'Ab/9+=' } },
      'dkim=pass header.b="Ab/9+="',
    ],
    [
      'IPv6 addresses are quoted',
      { method: 'iprev', result: 'pass', properties: { 'policy.iprev': '2001:db8::1' } },
      'iprev=pass policy.iprev="2001:db8::1"',
    ],
    [
      'a quoted local part keeps its quotes inside',
      { method: 'spf', result: 'fail', properties: { 'smtp.mailfrom': '"a b"@c.example' } },
      'spf=fail smtp.mailfrom="\\"a b\\"@c.example"',
    ],
    [
      'a reason is always quoted',
      { method: 'dkim', result: 'fail', reason: 'bad "x"' },
      'dkim=fail reason="bad \\"x\\""',
    ],
    [
      'a line end becomes a space',
      { method: 'dkim', result: 'fail', reason: 'a\r\nX-Evil: yes\r\n\r\nb' },
      'dkim=fail reason="a X-Evil: yes b"',
    ],
    [
      'control characters become ?',
      { method: 'dkim', result: 'fail', reason: 'a\0b\x7f' },
      'dkim=fail reason="a?b?"',
    ],
    [
      'an empty value is left out',
      { method: 'dkim', result: 'none', properties: { 'header.d': '' } },
      'dkim=none',
    ],
    [
      'a value over 512 octets is left out',
      { method: 'dkim', result: 'none', properties: { 'header.d': 'a'.repeat(513), 'header.s': 'b' } },
      'dkim=none header.s=b',
    ],
    [
      'outside SMTPUTF8 what is not ASCII becomes ?',
      { method: 'spf', result: 'pass', properties: { 'smtp.mailfrom': 'jö@bücher.example' } },
      'spf=pass smtp.mailfrom="j?@b?cher.example"',
    ],
    [
      'in an SMTPUTF8 message it stays',
      { method: 'spf', result: 'pass', properties: { 'smtp.mailfrom': 'jö@bücher.example' } },
      'spf=pass smtp.mailfrom=jö@bücher.example',
      true,
    ],
  ];
  for (const [what, result, written, utf8 = false] of table) {
    test(what, () => {
      assert.equal(
        unfolded(authenticationResultsField(ID, [result], utf8)),
        `Authentication-Results: ${ID}; ${written}\r\n`,
      );
    });
  }

  test('holds several results, each on lines of its own', () => {
    const field = authenticationResultsField(
      ID,
      [
        { method: 'spf', result: 'pass', properties: { 'smtp.mailfrom': 'a.example' } },
        {
          method: 'dkim',
          result: 'pass',
          reason: 'x'.repeat(40),
          properties: { 'header.d': 'a.example', 'header.s': 's' },
        },
      ],
      false,
    );
    assert.equal(
      field,
      `Authentication-Results: ${ID};\r\n\tspf=pass smtp.mailfrom=a.example;\r\n\tdkim=pass reason="${'x'.repeat(40)}"\r\n\t header.d=a.example header.s=s\r\n`,
    );
  });

  test('is one field whatever a plugin puts into it, and says again what was put in', () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 });
    fc.assert(
      fc.property(
        fc.array(fc.record({ reason: text, value: text }), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        (given, utf8) => {
          const results = given.map(({ reason, value }) => ({
            method: 'dkim',
            result: 'fail',
            reason,
            properties: { 'header.d': value },
          }));
          const octets = Buffer.from(authenticationResultsField(ID, results, utf8), 'utf8');
          const fields = [...new ParsedHeaders(octets)];
          assert.equal(fields.length, 1);
          assert.equal(fields[0]?.name, 'Authentication-Results');
          const written = octets.toString('utf8');
          assert.ok(
            written.endsWith('\r\n') && !/\r(?!\n)|(?<!\r)\n|\0|\r\n(?![\t ]|$)|\r\n[\t ]*\r\n/.test(written),
          );
          for (const line of written.split('\r\n')) assert.ok(Buffer.byteLength(line) <= 998);
          if (!utf8) assert.ok(/^[\t\r\n -~]*$/.test(written));
          // Outside quoted strings there is nothing but keywords and bare values.
          const outside = written.replace(/"(?:[^"\\]|\\.)*"/g, 'Q');
          assert.equal(outside.split(';').length, results.length + 1);
          assert.equal(outside.match(/dkim=fail/g)?.length, results.length);
          assert.equal(claimsAuthservId(fields[0]?.value ?? '', ID), true);
        },
      ),
    );
  });
});

describe('a field that arrives', () => {
  const table: readonly (readonly [what: string, value: string, ours: boolean])[] = [
    ['in our name is ours to remove', 'mx.example.org; spf=pass', true],
    ['in the name of another stays', 'mx.example.net; spf=pass', false],
    ['in a name that only begins like ours stays', 'mx.example.org.evil.example; spf=pass', false],
    ['in a name that only ends like ours stays', 'amx.example.org; spf=pass', false],
    ['in capitals is ours', 'MX.Example.ORG; spf=pass', true],
    ['in quotes is ours', '"mx.example.org"; spf=pass', true],
    ['in quotes with quoted pairs is ours', '"mx\\.exampl\\e.org"; spf=pass', true],
    ['behind a comment is ours', '(hello) mx.example.org; spf=pass', true],
    ['behind nested comments with quoted pairs is ours', '(a (b\\)) c) (d) mx.example.org; spf=pass', true],
    ['with a comment right behind is ours', 'mx.example.org(x); spf=pass', true],
    ['with a version is ours', 'mx.example.org 1; spf=pass', true],
    ['with a version that nobody knows is ours', 'mx.example.org 99; spf=pass', true],
    ['with a version in comments is ours', 'mx.example.org (v) 1 (x); none', true],
    ['without any result is ours', 'mx.example.org', true],
    ['with the root label is ours', 'mx.example.org.; spf=pass', true],
    ['behind tabs and line ends is ours', '\t\r\n mx.example.org; spf=pass', true],
    ['in the comment of another stays', '(mx.example.org) other.example; spf=pass', false],
    ['with a comment that never ends cannot be read, and goes', '(mx.example.org; spf=pass', true],
    ['with a quote that never ends cannot be read, and goes', '"mx.example.org; spf=pass', true],
    ['with a quote inside the name cannot be read, and goes', 'mx".example.org"; spf=pass', true],
    ['that is empty cannot be read, and goes', '', true],
    ['that begins with a semicolon cannot be read, and goes', '; spf=pass', true],
  ];
  for (const [what, value, ours] of table) {
    test(what, () => assert.equal(claimsAuthservId(value, ID), ours));
  }

  test('in A-labels is ours where our name has U-labels', () => {
    assert.equal(claimsAuthservId('xn--bcher-kva.example; spf=pass', 'bücher.example'), true);
    assert.equal(claimsAuthservId('BÜCHER.example; spf=pass', 'xn--bcher-kva.example'), true);
  });
});

function unfolded(field: string): string {
  return field.replace(/\r\n\t ?/g, ' ');
}
