import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAliasFile } from '../src/alias-file.ts';

function parsed(text: string): (readonly [string, readonly string[], string])[] {
  return Array.from(
    parseAliasFile(text, 'aliases'),
    ({ name, targets, where }) => [name, targets, where] as const,
  );
}

const table: readonly (readonly [what: string, text: string, lines: ReturnType<typeof parsed>])[] = [
  [
    'names and targets',
    'sales: ann, bob@else.example\nroot:ann\n',
    [
      ['sales', ['ann', 'bob@else.example'], 'aliases:1'],
      ['root', ['ann'], 'aliases:2'],
    ],
  ],
  ['comments and empty lines', '# who is who\n\n  # indented\nroot: ann', [['root', ['ann'], 'aliases:4']]],
  [
    'continuation lines, comments between them',
    'all: ann,\n  bob,\n# no more\n\teve\nroot: ann',
    [
      ['all', ['ann', 'bob', 'eve'], 'aliases:1'],
      ['root', ['ann'], 'aliases:5'],
    ],
  ],
  [
    'CRLF line ends',
    'root: ann\r\nall: bob\r\n',
    [
      ['root', ['ann'], 'aliases:1'],
      ['all', ['bob'], 'aliases:2'],
    ],
  ],
  [
    'quotes hide colons and commas',
    '"a:b,c": "x, y"@else.example',
    [['"a:b,c"', ['"x, y"@else.example'], 'aliases:1']],
  ],
  ['an escaped quote ends nothing', '"a\\":b": x', [['"a\\":b"', ['x'], 'aliases:1']]],
  [
    'brackets hide the colons of a literal',
    'a@[IPv6:2001:db8::1]: b@[IPv6:::1]',
    [['a@[IPv6:2001:db8::1]', ['b@[IPv6:::1]'], 'aliases:1']],
  ],
  ['a trailing comma', 'root: ann,', [['root', ['ann'], 'aliases:1']]],
  [
    'an include is left for the syntax of targets to refuse',
    'a: :include:/etc/list',
    [['a', [':include:/etc/list'], 'aliases:1']],
  ],
];

for (const [what, text, lines] of table) {
  test(`read: ${what}`, () => assert.deepEqual(parsed(text), lines));
}

const bad: readonly (readonly [what: string, text: string, message: string])[] = [
  ['a line without a colon', 'ok: x\nroot ann', 'aliases:2: expected "name: target, target", got "root ann"'],
  ['a name without targets', 'root:', 'aliases:1: expected "name: target, target", got "root:"'],
  ['targets without a name', ': ann', 'aliases:1: expected "name: target, target", got ": ann"'],
  ['a continuation of nothing', '  ann', 'aliases:1: a line that continues nothing'],
];

for (const [what, text, message] of bad) {
  test(`refused: ${what}`, () => assert.throws(() => parsed(text), { code: 'config-invalid', message }));
}
