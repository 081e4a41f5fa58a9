import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Action, parseAction } from '../src/action.ts';
import { Countries } from '../src/countries.ts';
import { addressKeys, clientKeys, type Format, type Kind, readTable, type Table } from '../src/table.ts';

const REJECT: Action = { kind: 'reject' };

const actions: readonly (readonly [text: string, action: Action | RegExp])[] = [
  ['OK', { kind: 'ok' }],
  ['ok', { kind: 'ok' }],
  ['12345', { kind: 'ok' }],
  ['DUNNO', { kind: 'dunno' }],
  ['REJECT', REJECT],
  ['REJECT go away', { kind: 'reject', text: 'go away' }],
  ['REJECT 5.7.9 go away', { kind: 'reject', status: '5.7.9', text: 'go away' }],
  ['DEFER_IF_PERMIT later', { kind: 'defer', text: 'later' }],
  ['550 5.1.1 no such user', { kind: 'reject', code: 550, status: '5.1.1', text: 'no such user' }],
  ['450 later', { kind: 'defer', code: 450, text: 'later' }],
  ['421 bye', { kind: 'disconnect', text: 'bye' }],
  ['HOLD look at it', { kind: 'hold', text: 'look at it' }],
  ['DISCARD', { kind: 'discard' }],
  ['PREPEND X-List: yes', { kind: 'prepend', name: 'X-List', value: 'yes' }],
  ['WARN strange', { kind: 'log', level: 'warn', text: 'strange' }],
  ['REJCT', /unknown action "REJCT"; did you mean REJECT\?/],
  ['FILTER smtp:x', /FILTER is not for check-access/],
  ['PREPEND nothing', /takes a header field/],
  ['REJECT 4.7.1 later', /the status 4\.7\.1 does not fit a refusal/],
  ['599 what', /599 is no reply code/],
  ['', /the action is missing/],
];
for (const [text, action] of actions) {
  test(`the action "${text}"`, () => {
    const found = parseAction(text);
    if (action instanceof RegExp) assert.match(String(found), action);
    else assert.deepEqual(found, action);
  });
}

function table(text: string, format: Format, kind: Kind): Table {
  const reading = readTable({ text, name: 'file' }, format, kind, REJECT);
  assert.ok('table' in reading, JSON.stringify(reading));
  return reading.table;
}

test("a table of Postfix's access(5) is read with comments and continued lines", () => {
  const read = table(
    '# whom we know\nann@b.example  OK\nb.example\n  550 go\n  away\n<> DUNNO\n',
    'access',
    'sender',
  );
  const find = (local: string, domain: string) => read.find(addressKeys({ local, domain }, '+'));
  assert.deepEqual(find('ann', 'b.example'), { kind: 'ok' });
  assert.deepEqual(find('Ann+list', 'b.example'), { kind: 'ok' });
  assert.deepEqual(find('bob', 'sub.b.example'), { kind: 'reject', code: 550, text: 'go away' });
  assert.equal(find('bob', 'cb.example'), undefined);
  assert.deepEqual(read.find(['<>']), { kind: 'dunno' });
});

test('keys are asked from the most exact to the least', () => {
  assert.deepEqual(addressKeys({ local: 'ann+x', domain: 'a.b.example' }, '+'), [
    'ann+x@a.b.example',
    'ann@a.b.example',
    'a.b.example',
    '.b.example',
    'b.example',
    '.example',
    'example',
    'ann+x@',
    'ann@',
  ]);
  assert.deepEqual(clientKeys('192.0.2.1', undefined), ['192.0.2.1', '192.0.2', '192.0', '192']);
  assert.equal(
    clientKeys('2001:db8::1', undefined)[2],
    '2001:db8:0:0:0:0:0'.split(':').slice(0, 6).join(':'),
  );
});

test('in a cidr table the first line that has the address decides', () => {
  const read = table(
    '192.0.2.7 OK\n192.0.2.0/24 REJECT\n10.0.0.0/8 450 later\n2001:db8::/32 OK\n0.0.0.0/0 DUNNO\n',
    'cidr',
    'client',
  );
  assert.deepEqual(read.findAddress('192.0.2.7'), { kind: 'ok' });
  assert.deepEqual(read.findAddress('::ffff:192.0.2.8'), REJECT);
  assert.deepEqual(read.findAddress('10.1.2.3'), { kind: 'defer', code: 450, text: 'later' });
  assert.deepEqual(read.findAddress('2001:db8:1::5'), { kind: 'ok' });
  assert.deepEqual(read.findAddress('203.0.113.1'), { kind: 'dunno' });
  assert.equal(read.findAddress('2001:db9::1'), undefined);
});

test('a list has one entry a line and one action for all', () => {
  const clients = table('192.0.2.0/24\n\n# one more\n2001:db8::1\n203.0.113', 'list', 'client');
  assert.deepEqual(clients.findAddress('192.0.2.99'), REJECT);
  assert.deepEqual(clients.findAddress('2001:0DB8::0001'), REJECT);
  assert.deepEqual(clients.find(clientKeys('203.0.113.9', undefined)), REJECT);
  assert.equal(clients.findAddress('198.51.100.1'), undefined);
  const subjects = table('Cheap Pills\nenlarge', 'list', 'header');
  assert.deepEqual(subjects.findWithin('buy CHEAP pills now'), REJECT);
  assert.equal(subjects.findWithin('hello'), undefined);
});

const mistakes: readonly (readonly [text: string, format: Format, kind: Kind, problem: RegExp])[] = [
  ['192.0.2.0/24 OK\n192.0.2.0/33 OK', 'cidr', 'client', /^file:2 "192\.0\.2\.0\/33" is not a network/],
  ['192.0.2.0/24', 'cidr', 'client', /^file:1 the action is missing/],
  ['if 10.0.0.0/8', 'cidr', 'client', /^file:1 /],
  ['a@b.example REJCT', 'access', 'sender', /^file:1 unknown action "REJCT"; did you mean REJECT\?/],
  ['/^a.*b$/', 'list', 'header', /^file:1 regular expressions/],
  ['Germany', 'list', 'country', /^file:1 "Germany" is not a country of two letters/],
  ['a b', 'list', 'sender', /^file:1 "a b" is not an address/],
];
for (const [text, format, kind, problem] of mistakes) {
  test(`a mistake in a ${format} of ${kind}: ${JSON.stringify(text)}`, () => {
    const reading = readTable({ text, name: 'file' }, format, kind, REJECT);
    assert.match('problems' in reading ? (reading.problems[0] ?? '') : '', problem);
  });
}

test('ten thousand networks are asked in a few look-ups', () => {
  const text = Array.from(
    { length: 10_000 },
    (_, index) => `10.${index >> 8}.${index & 255}.0/24 REJECT`,
  ).join('\n');
  const read = table(text, 'cidr', 'client');
  assert.equal(read.size, 10_000);
  assert.deepEqual(read.findAddress('10.39.15.200'), REJECT);
  assert.equal(read.findAddress('10.39.16.1'), undefined);
});

test('countries come from CSV files of networks or of ranges', () => {
  const countries = Countries.read(
    'network,country\n192.0.2.0/24,DE\n"198.51.100.0","198.51.100.127","FR"\n2001:db8::/32,AT\n2001:db9::,2001:db9:ffff:ffff:ffff:ffff:ffff:ffff,CH\n',
    'file',
  );
  assert.ok(countries instanceof Countries);
  for (const [address, country] of [
    ['192.0.2.255', 'DE'],
    ['::ffff:192.0.2.0', 'DE'],
    ['192.0.3.0', undefined],
    ['192.0.1.255', undefined],
    ['198.51.100.127', 'FR'],
    ['198.51.100.128', undefined],
    ['2001:db8:ffff::1', 'AT'],
    ['2001:db9::1', 'CH'],
    ['2001:dba::1', undefined],
  ] as const)
    assert.equal(countries.of(address), country, address);
});

test('a line of a CSV that cannot be read is named', () => {
  assert.deepEqual(Countries.read('192.0.2.0/24,DE\n192.0.2.0,nowhere\n', 'file'), [
    'file:2 expected "network,country" or "first,last,country"',
  ]);
});
