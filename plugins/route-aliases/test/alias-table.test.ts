import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mailbox } from '@posthouse/core';
import fc from 'fast-check';
import { AliasTable, type AliasTableOptions } from '../src/alias-table.ts';

const DOMAINS = ['d.example', 'e.example'];

function tableOf(
  aliases: Readonly<Record<string, readonly string[]>>,
  options: Partial<AliasTableOptions> = {},
): AliasTable {
  const table = new AliasTable({ domains: DOMAINS, stripDetail: false, ...options });
  for (const [name, targets] of Object.entries(aliases)) table.add(name, targets, `aliases["${name}"]`);
  return table;
}

function expanded(table: AliasTable, address: string): readonly string[] | string {
  const expansion = table.expand(mailbox(address));
  return expansion.kind === 'targets' ? expansion.targets.map(String) : expansion.kind;
}

const plus = { recipientDelimiter: '+' };
const cases: readonly (readonly [
  what: string,
  aliases: Readonly<Record<string, readonly string[]>>,
  address: string,
  targets: readonly string[] | string,
  options?: Partial<AliasTableOptions>,
])[] = [
  [
    'an alias has its targets',
    { 'sales@d.example': ['ann@d.example', 'bob@else.example'] },
    'Sales@D.example',
    ['ann@d.example', 'bob@else.example'],
  ],
  [
    'an address of another of our domains is none',
    { 'sales@d.example': ['ann@d.example'] },
    'sales@e.example',
    'none',
  ],
  [
    'a foreign address is none, whatever its local part',
    { sales: ['ann@d.example'] },
    'sales@else.example',
    'none',
  ],
  [
    'a bare name counts in every domain, a bare target in the same',
    { root: ['ann'] },
    'root@e.example',
    ['ann@e.example'],
  ],
  [
    'the bare postmaster belongs to the first domain',
    { postmaster: ['ann'] },
    'postmaster',
    ['ann@d.example'],
  ],
  [
    'a catch-all takes the rest',
    { '@d.example': ['ann@d.example'], 'bob@d.example': ['bob@d.example'] },
    'who@d.example',
    ['ann@d.example'],
  ],
  [
    'a name wins over the catch-all',
    { '@d.example': ['ann@d.example'], 'bob@d.example': ['bob@d.example'] },
    'bob@d.example',
    ['bob@d.example'],
  ],
  [
    'a full name wins over a bare one',
    { sales: ['x'], 'sales@d.example': ['y'] },
    'sales@d.example',
    ['y@d.example'],
  ],
  [
    'aliases of aliases are expanded',
    { a: ['b', 'x@else.example'], b: ['c'], c: ['y'] },
    'a@d.example',
    ['x@else.example', 'y@d.example'],
  ],
  [
    'each target comes once',
    { a: ['b', 'c'], b: ['x'], c: ['X', 'x@D.example'] },
    'a@d.example',
    ['x@d.example'],
  ],
  [
    'an alias that names itself keeps a copy',
    { ann: ['ann', 'bob@else.example'] },
    'ann@d.example',
    ['ann@d.example', 'bob@else.example'],
  ],
  [
    'so it does when it is reached through another',
    { all: ['ann', 'eve'], ann: ['ann', 'bob'] },
    'all@d.example',
    ['eve@d.example', 'ann@d.example', 'bob@d.example'],
  ],
  [
    'two that copy each other reach both',
    { ann: ['ann', 'bob'], bob: ['bob', 'ann'] },
    'ann@d.example',
    ['ann@d.example', 'bob@d.example'],
  ],
  ['a backslash says: no further', { ann: ['\\bob'], bob: ['eve'] }, 'ann@d.example', ['bob@d.example']],
  ['a circle without a mailbox in it is a loop', { a: ['b'], b: ['a'] }, 'a@d.example', 'loop'],
  ['a circle beside a mailbox is left out', { a: ['b', 'x'], b: ['a'] }, 'a@d.example', ['x@d.example']],
  ['a detail is dropped for an alias', { info: ['ann'] }, 'info+news@d.example', ['ann@d.example'], plus],
  [
    'an alias with that very detail wins',
    { info: ['ann'], 'info+news': ['eve'] },
    'info+news@d.example',
    ['eve@d.example'],
    plus,
  ],
  ['a detail is kept where the base is no alias', { info: ['ann'] }, 'ann+news@d.example', 'none', plus],
  [
    'a detail is dropped there when asked',
    { info: ['ann'] },
    'ann+news@d.example',
    ['ann@d.example'],
    { ...plus, stripDetail: true },
  ],
  ['but never for foreign addresses', {}, 'ann+news@else.example', 'none', { ...plus, stripDetail: true }],
  ['a delimiter in front begins no detail', {}, '+news@d.example', 'none', { ...plus, stripDetail: true }],
  ['without a delimiter a plus is a letter like others', { info: ['ann'] }, 'info+news@d.example', 'none'],
  [
    'a quoted name and target',
    { '"john doe"@d.example': ['"j d"@else.example'] },
    '"John Doe"@d.example',
    ['"j d"@else.example'],
  ],
  [
    'both spellings of an internationalised domain',
    { '@bücher.example': ['ann@d.example'] },
    'x@xn--bcher-kva.example',
    ['ann@d.example'],
    { domains: ['bücher.example', 'd.example'] },
  ],
  ['an own name of an object is not an alias', { sales: ['ann'] }, 'constructor@d.example', 'none'],
];

for (const [what, aliases, address, targets, options] of cases) {
  test(what, () => {
    const table = tableOf(aliases, options);
    assert.deepEqual(expanded(table, address), targets);
    assert.equal(table.redirects(mailbox(address)), targets !== 'none');
  });
}

const bad: readonly (readonly [
  what: string,
  aliases: Readonly<Record<string, readonly string[]>>,
  message: RegExp,
])[] = [
  [
    'a name in a foreign domain',
    { 'a@else.example': ['b'] },
    /^aliases\["a@else\.example"\]: else\.example is not among the domains$/,
  ],
  ['a catch-all of a foreign domain', { '@else.example': ['b'] }, /not among the domains/],
  ['a name that is no address', { 'two words': ['b'] }, /"two words" is not an alias name/],
  ['a target that is no address', { a: ['b@'] }, /"b@" is not a target/],
  ['a domain as target', { a: ['@else.example'] }, /is not a target/],
  ['a program as target', { a: ['|/bin/vacation'] }, /programs are no targets here/],
  ['a quoted program as target', { a: ['"|/bin/vacation ann"'] }, /programs are no targets here/],
  ['a file as target', { a: ['/dev/null'] }, /files are no targets here/],
  ['an included list as target', { a: [':include:/etc/list'] }, /included lists are no targets here/],
  ['a circle', { a: ['b'], b: ['a'] }, /leads only back to itself \(tried with a@d\.example\)/],
  [
    'two catch-alls that point at each other',
    { '@d.example': ['x@e.example'], '@e.example': ['x@d.example'] },
    /only back to itself/,
  ],
  [
    'the same name twice',
    { 'a@d.example': ['x'], 'A@D.example': ['y'] },
    /stands in aliases\["a@d\.example"\] already/,
  ],
  [
    'a thousand targets and more',
    { a: Array.from({ length: 1001 }, (_, index) => `x${index}`) },
    /more than 1000 targets/,
  ],
];

for (const [what, aliases, message] of bad) {
  test(`refused: ${what}`, () => {
    assert.throws(() => tableOf(aliases).check(), { code: 'config-invalid', message });
  });
}

test('a catch-all to a mailbox of the same domain is no loop', () => {
  tableOf({ '@d.example': ['ann@d.example'] }).check();
});

test('whatever the aliases, an expansion ends, and what it names is named once', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const aliases = fc.dictionary(
    name,
    fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'x', '\\a', 'y@else.example'), {
      minLength: 1,
      maxLength: 5,
    }),
  );
  fc.assert(
    fc.property(aliases, name, (given, start) => {
      const targets = expanded(tableOf(given), `${start}@d.example`);
      if (typeof targets === 'string') return;
      assert.ok(targets.length > 0);
      assert.equal(new Set(targets).size, targets.length);
    }),
  );
});
