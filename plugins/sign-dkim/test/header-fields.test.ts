import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authorDomains } from '../src/author-domains.ts';
import { chooseFields, contentOf, fieldsOf } from '../src/header-fields.ts';

const HEADER = 'A: 1\r\nSubject: x\r\n\ty\r\na : 2\r\nno field\r\nFrom: z\r\nA: 3\r\n';

test('fields are found as they stand, and what is none is left out', () => {
  const fields = fieldsOf(Buffer.from(HEADER));
  assert.deepEqual(
    fields.map(({ name }) => name),
    ['a', 'subject', 'a', 'from', 'a'],
  );
  assert.equal(fields[1]?.raw, 'Subject: x\r\n\ty\r\n');
  assert.equal(contentOf(fields[1] as { name: string; raw: string }), 'x\ty');
  assert.deepEqual(fieldsOf(Buffer.from('')), []);
});

test('RFC 6376 §5.4.2: instances are signed from the bottom up, and oversigned names come once more', () => {
  const { names, fields } = chooseFields(
    fieldsOf(Buffer.from(HEADER)),
    ['from', 'a', 'cc', 'x'],
    new Set(['from', 'cc']),
  );
  assert.deepEqual(names, ['from', 'from', 'a', 'a', 'a', 'cc']);
  assert.deepEqual(
    fields.map(({ raw }) => raw),
    ['From: z\r\n', 'A: 3\r\n', 'a : 2\r\n', 'A: 1\r\n'],
  );
});

const authors: readonly (readonly [value: string, domains: readonly string[]])[] = [
  ['ann@example.org', ['example.org']],
  ['Ann <ann@EXAMPLE.org>', ['example.org']],
  ['"Ann <x@evil.example>, " <ann@example.org>', ['example.org']],
  ['x@evil.example <ann@example.org>', ['example.org']],
  ['"a@b"@example.org', ['example.org']],
  ['ann@example.org (x@evil.example)', ['example.org']],
  ['(nested (a@b.example) \\) ) ann@example.org', ['example.org']],
  ['Ann <ann@example.org>, Bob <bob@example.net>, c@example.org', ['example.org', 'example.net']],
  ['Team: ann@example.org, bob@example.net;', ['example.org', 'example.net']],
  ['ann@straße.example', ['xn--strae-oqa.example']],
  ['ann@example.org.', ['example.org']],
  ['ann@[192.0.2.1]', []],
  ['ann', []],
  ['', []],
  ['"unclosed <ann@example.org>', []],
  ['(unclosed ann@example.org', []],
  ['ann@exa mple.org', []],
  [Array.from({ length: 9 }, (_, n) => `a@d${n}.example`).join(), []],
];
for (const [value, domains] of authors) {
  test(`authors of: ${value}`, () => assert.deepEqual(authorDomains(value), domains));
}
