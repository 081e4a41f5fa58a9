import assert from 'node:assert/strict';
import { resolve, sep } from 'node:path';
import { test } from 'node:test';
import { Mailbox, mailbox } from '@posthouse/core';
import fc from 'fast-check';
import { fileName, MaildirPaths } from '../src/maildir-paths.ts';

const domains = ['Example.org', 'bücher.example', '[192.0.2.7]'];
const paths = new MaildirPaths({ domains, path: '/mail/{domain}/{local}', recipientDelimiter: '+' });

const table: readonly (readonly [recipient: Mailbox | string, folder: string])[] = [
  ['ann@example.org', '/mail/example.org/ann'],
  ['Ann.B@EXAMPLE.org', '/mail/example.org/ann.b'],
  ['ann+news@example.org', '/mail/example.org/ann'],
  ['+news@example.org', '/mail/example.org/+news'],
  ['ann@xn--bcher-kva.example', '/mail/xn--bcher-kva.example/ann'],
  ['ann@bücher.example', '/mail/xn--bcher-kva.example/ann'],
  ['ann@[192.0.2.7]', '/mail/%5B192.0.2.7%5D/ann'],
  ['postmaster', '/mail/example.org/postmaster'],
  ['"../../etc"@example.org', '/mail/example.org/%2E.%2F..%2Fetc'],
  ['"/abs"@example.org', '/mail/example.org/%2Fabs'],
  ['".."@example.org', '/mail/example.org/%2E.'],
  ['"."@example.org', '/mail/example.org/%2E'],
  ['".hidden"@example.org', '/mail/example.org/%2Ehidden'],
  ['""@example.org', '/mail/example.org/%'],
  ['"john doe"@example.org', '/mail/example.org/john%20doe'],
  ['a%2fb@example.org', '/mail/example.org/a%252fb'],
  ['"{domain}"@example.org', '/mail/example.org/%7Bdomain%7D'],
  ['"back\\\\slash"@example.org', '/mail/example.org/back%5Cslash'],
  ['ÄNN@example.org', '/mail/example.org/%C3%A4nn'],
  ['a\u0308nn@example.org', '/mail/example.org/%C3%A4nn'],
  ['~ann@example.org', '/mail/example.org/%7Eann'],
];

for (const [recipient, folder] of table) {
  test(`${recipient} lands in ${folder}`, () => {
    assert.equal(paths.folderOf(typeof recipient === 'string' ? mailbox(recipient) : recipient), folder);
  });
}

test('only our domains have folders, and the address without a domain is of the first', () => {
  assert.equal(paths.domainOf('example.org'), 'example.org');
  assert.equal(paths.domainOf('bücher.example'), 'xn--bcher-kva.example');
  assert.equal(paths.domainOf(''), 'example.org');
  assert.equal(paths.domainOf('sub.example.org'), undefined);
});

test('a name that is too long is cut and stays its own', () => {
  const long = fileName('ä'.repeat(64));
  assert.equal(long.length, 255);
  assert.match(long, /^(%C3%A4)+.*~[0-9a-f]{32}$/);
  assert.notEqual(long, fileName(`${'ä'.repeat(63)}ö`));
});

test('whatever the text, its file name is one plain segment, the same in both cases and no one else’s', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.string({ unit: fc.constantFrom('.', '/', '%', '~', '\0', 'a', '2', 'e') }),
  );
  const folded = (given: string) => given.normalize('NFC').toLowerCase();
  fc.assert(
    fc.property(text, text, (one, other) => {
      const name = fileName(one);
      assert.match(name, /^[A-Za-z0-9_+=%~-][A-Za-z0-9._+=%~-]*$/);
      assert.ok(name.length <= 255);
      assert.equal(resolve('/mail', name), `/mail${sep}${name}`);
      assert.equal(folded(one) === folded(other), name === fileName(other));
    }),
    { numRuns: 500 },
  );
});

const bad: readonly (readonly [what: string, path: string, message: RegExp])[] = [
  [
    'an unknown placeholder',
    '/mail/{user}',
    /^path: \{user\} is unknown; there are \{domain\} and \{local\}$/,
  ],
  ['a segment without room for names', `/mail/${'x'.repeat(200)}{local}`, /leaves too little room/],
];

for (const [what, path, message] of bad) {
  test(`a path is refused for ${what}`, () => {
    assert.throws(() => new MaildirPaths({ domains, path }), { code: 'config-invalid', message });
  });
}

test('names that share a segment share its room', () => {
  const shared = new MaildirPaths({ domains, path: '/mail/{domain},{local}/Maildir' });
  const folder = shared.folderOf(new Mailbox('ö'.repeat(32), `${`${'x'.repeat(60)}.`.repeat(3)}example`));
  assert.ok(folder.split('/').every((segment) => segment.length <= 255));
  assert.ok(folder.endsWith('/Maildir'));
});
