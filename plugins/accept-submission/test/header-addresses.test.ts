import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readAddresses } from '../src/header-addresses.ts';

/** Field value, addresses, entries without a domain. */
const readable: readonly (readonly [
  value: string,
  mailboxes: readonly string[],
  unqualified?: readonly string[],
])[] = [
  ['ann@example.org', ['ann@example.org']],
  ['  Ann <ann@Example.ORG>\t', ['ann@example.org']],
  ['<ann@example.org>', ['ann@example.org']],
  ['"Ann, of Ours" <ann@example.org>', ['ann@example.org']],
  ['"Ann \\"A.\\" <eve@example.net>" <ann@example.org>', ['ann@example.org']],
  ['John Q. Public <john@example.org>', ['john@example.org']],
  ['=?utf-8?q?J=C3=BCrgen?= <j@example.org>', ['j@example.org']],
  ['Jürgen Groß <j@example.org>', ['j@example.org']],
  ['jürgen@bücher.example', ['jürgen@bücher.example']],
  ['ann@example.org, Bob <bob@example.net>', ['ann@example.org', 'bob@example.net']],
  ['ann@example.org,, bob@example.net,', ['ann@example.org', 'bob@example.net']],
  ['"ann b"@example.org', ['"ann b"@example.org']],
  ['"ann"@example.org', ['ann@example.org']],
  ['ann@[192.0.2.1]', ['ann@[192.0.2.1]']],
  ['ann(home)@(at)example.org (that (is) \\) me)', ['ann@example.org']],
  ['ann @ example.org', ['ann@example.org']],
  ['Ours: ann@example.org, bob@example.org;', ['ann@example.org', 'bob@example.org']],
  ['Ours: ann@example.org;, eve@example.net', ['ann@example.org', 'eve@example.net']],
  ['undisclosed-recipients:;', []],
  ['', []],
  ['root', [], ['root']],
  ['ann@example.org, root, "the boss"', ['ann@example.org'], ['root', 'the boss']],
  ['ann@mailhost', ['ann@mailhost']],
];

for (const [value, mailboxes, unqualified = []] of readable) {
  test(`“${value}” names ${mailboxes.join(' and ') || 'nobody'}`, () => {
    const found = readAddresses(value);
    assert.deepEqual(found?.mailboxes.map(String), mailboxes);
    assert.deepEqual(found?.unqualified, unqualified);
  });
}

const unreadable: readonly string[] = [
  'ann@example.org <eve@example.net>',
  'ann@example.org eve@example.net',
  'ann@example.org eve',
  '<ann@example.org> eve',
  '<ann@example.org> <eve@example.net>',
  '<ann@example.org',
  'ann@example.org>',
  '<<ann@example.org>>',
  'Ann <>',
  'Ann <root>',
  'Public, John Q <john',
  'Ann Other, <ann@example.org>',
  'ann@',
  '@example.org',
  '<@example.net:ann@example.org>',
  'ann@b@example.org',
  'ann@example.org.',
  'ann..b@example.org',
  '.ann@example.org',
  'ann b@example.org',
  'ann . b@example.org',
  '"ann@example.org',
  'ann@"example.org"',
  'ann@[not an address]',
  '(ann@example.org',
  `${'('.repeat(17)}${')'.repeat(17)} ann@example.org`,
  'Ours: ann@example.org',
  'ann@example.org;',
  'Ours: Theirs: ann@example.org;;',
  ': ann@example.org;',
  'Ours: ann@example.org; eve@example.net',
  'ann\\@example.org',
  'ann@example.org\u0000',
  'ann@example.org\u0007',
];

for (const value of unreadable) {
  test(`${JSON.stringify(value)} is no list of addresses`, () => {
    assert.equal(readAddresses(value), undefined);
  });
}

test('whatever stands in a field is read or not, and never throws', () => {
  const pieces = fc.constantFrom(
    'a',
    'b.c',
    '"q"',
    '"',
    '@',
    '<',
    '>',
    ',',
    ':',
    ';',
    '(',
    ')',
    '\\',
    ' ',
    '[',
    ']',
    'ü',
    '\u0000',
    '.',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
      readAddresses(parts.join(''));
    }),
  );
});

test('an address that is written plainly is found again', () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,10}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 5 }), (pairs) => {
      const addresses = pairs.map(([local, domain]) => `${local}@${domain}.example`);
      assert.deepEqual(
        readAddresses(addresses.map((each) => `Some One <${each}>`).join(', '))?.mailboxes.map(String),
        addresses,
      );
    }),
  );
});

test('a hostile field of 100,000 characters is read in one pass', () => {
  for (const piece of ['(', '"\\', 'a,', 'a<', 'a@', ':;', '\\', '[', 'a '])
    readAddresses(piece.repeat(100_000 / piece.length));
});
