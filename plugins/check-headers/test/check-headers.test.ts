import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin, LET_THROUGH, Verdict, WEIGHTED_REASONS } from '@posthouse/core';
import { mount, NoteBook, openHouse } from '@posthouse/core/testing';
import fc from 'fast-check';
import { type Bounds, faultsOf, mailboxes } from '../src/faults.ts';
import checkHeaders from '../src/index.ts';

const BOUNDS: Bounds = { line: 998, size: 128 * 1024, fields: 500, parts: 500, depth: 20 };
const SOUND =
  'From: ann@client.example\r\nDate: Mon, 5 Jan 2026 12:00:00 +0000\r\nMessage-ID: <1@client.example>\r\n';

function rules(header: string, more: Partial<Parameters<typeof faultsOf>[0]> = {}): readonly string[] {
  const examined = {
    header: Buffer.from(header, 'latin1'),
    mime: { parts: 0, depth: 0 },
    smtputf8: false,
    ...more,
  };
  return faultsOf(examined, BOUNDS).map(({ rule }) => rule);
}

const table: readonly (readonly [what: string, header: string, ...rules: string[]])[] = [
  ['a sound section', SOUND],
  ['names in any case', SOUND.toUpperCase()],
  ['white space before the colon, as older mail has it', SOUND.replace('From:', 'From \t:')],
  ['folded fields', `${SOUND}Subject: a\r\n b\r\n\tc\r\nTo:\r\n bob@house.example\r\n`],
  ['fields that may repeat', `${SOUND}Received: a\r\nReceived: b\r\nX-A: 1\r\nX-A: 2\r\n`],
  ['nothing at all', '', 'missing-from', 'missing-date', 'missing-message-id'],
  ['no From', SOUND.replace('From', 'X-From'), 'missing-from'],
  ['no Date', SOUND.replace('Date', 'X-Date'), 'missing-date'],
  ['no Message-ID', SOUND.replace('Message-ID', 'X-ID'), 'missing-message-id'],
  ['a From that is only in a folded line', SOUND.replace('From:', 'X-A: x\r\n From:'), 'missing-from'],
  ['two From', `${SOUND}FROM: carl@client.example\r\n`, 'repeated'],
  ['two Subject', `${SOUND}Subject: a\r\nsubject : b\r\n`, 'repeated'],
  [
    'two authors',
    SOUND.replace('ann@client.example', 'ann@client.example, carl@client.example'),
    'missing-sender',
  ],
  [
    'two authors and who sent it',
    `${SOUND.replace('ann@client.example', 'ann@client.example,\r\n carl@client.example')}Sender: ann@client.example\r\n`,
  ],
  ['a line without a colon', `${SOUND}what is this\r\n`, 'malformed'],
  ['a line that begins with a colon', `${SOUND}: x\r\n`, 'malformed'],
  ['a colon that is on the next line', `${SOUND}Sub\r\n ject: x\r\n`, 'malformed'],
  ['a name with a space', `${SOUND}Sub ject: x\r\n`, 'malformed'],
  ['a name beyond ASCII', `${SOUND}S\xfcbject: x\r\n`, 'malformed', 'eight-bit'],
  ['a continuation of nothing', ` x\r\n${SOUND}`, 'malformed'],
  ['a line of white space alone', `${SOUND}Subject: a\r\n \t\r\n b\r\n`, 'malformed'],
  ['octets beyond ASCII', `${SOUND}Subject: \xc3\xa4\r\n`, 'eight-bit'],
  ['a line of 998 octets', `${SOUND}Subject: ${'x'.repeat(989)}\r\n`],
  ['a line of 999 octets', `${SOUND}Subject: ${'x'.repeat(990)}\r\n`, 'long-line'],
  ['a folded line of 999 octets', `${SOUND}Subject: x\r\n ${'x'.repeat(998)}\r\n`, 'long-line'],
  ['too many fields', SOUND + 'X: y\r\n'.repeat(498), 'fields'],
  ['a large section', SOUND + `X: ${'y'.repeat(900)}\r\n`.repeat(146), 'header-size'],
];
for (const [what, header, ...expected] of table) {
  test(`${what}: ${expected.join(', ') || 'no fault'}`, () => {
    assert.deepEqual(rules(header), expected);
  });
}

test('with SMTPUTF8 the section may have UTF-8', () => {
  assert.deepEqual(rules(`${SOUND}Subject: \xc3\xa4\r\n`, { smtputf8: true }), []);
});

test('parts beyond the bounds', () => {
  assert.deepEqual(rules(SOUND, { mime: { parts: 500, depth: 20 } }), []);
  assert.deepEqual(rules(SOUND, { mime: { parts: 501, depth: 21 } }), ['parts', 'depth']);
});

test('addresses are counted, not commas', () => {
  for (const [list, count] of [
    ['', 0],
    ['ann@x.example', 1],
    ['"Doe, Ann" <ann@x.example>', 1],
    ['Ann (a, b@c) <ann@x.example>', 1],
    ['"a\\", b@c" <ann@x.example>', 1],
    ['<@hop.example,@hop2.example:ann@x.example>, b@x.example', 2],
    ['a@x.example, Bob <b@x.example>', 2],
    ['team: a@x.example, b@x.example;', 2],
    ['a@x.example,,', 1],
  ] as const)
    assert.equal(mailboxes(list), count, list);
});

test('whatever the octets, there is an answer, and each rule is named once', () => {
  const line = fc.oneof(
    fc.constantFrom('From: a@b.example', ' folded', 'Date: x', ':', 'x', '', '\t'),
    fc.string({ maxLength: 20 }),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
      const found = rules(lines.map((each) => `${each}\r\n`).join(''));
      assert.equal(new Set(found).size, found.length);
    }),
  );
});

const MESSAGE = 'Subject: x\r\nSubject: y\r\n\r\nHello\r\n';

test('what is to be refused is, by the first rule that says so; all of them are in the note', async () => {
  const notes = new NoteBook();
  await using plugin = await mount(checkHeaders());
  assert.deepEqual(
    await plugin.ask('on-data', { message: MESSAGE, notes }),
    Verdict.reject('5.6.0', 'More than one field Subject (RFC 5322 section 3.6)', {
      code: 554,
      reason: 'headers.repeated',
    }),
  );
  assert.deepEqual(notes.toJSON()['check-headers/result'], [
    'missing-from',
    'missing-date',
    'missing-message-id',
    'repeated',
  ]);
});

test('what is noted has a weight, and what is off is not looked at', async () => {
  const notes = new NoteBook();
  await using plugin = await mount(checkHeaders({ repeated: 'note', 'missing-from': 'off', weight: 2 }));
  assert.deepEqual(await plugin.ask('on-data', { message: MESSAGE, notes }), Verdict.continue());
  assert.deepEqual(notes.get(WEIGHTED_REASONS), [
    { reason: 'headers.missing-date', weight: 2 },
    { reason: 'headers.missing-message-id', weight: 2 },
    { reason: 'headers.repeated', weight: 2 },
  ]);
});

test('whom the administrator lets through is left alone', async () => {
  const notes = new NoteBook();
  notes.set(LET_THROUGH, 'a list');
  await using plugin = await mount(checkHeaders());
  assert.deepEqual(await plugin.ask('on-data', { message: MESSAGE, notes }), Verdict.continue());
});

test('parts are counted by the core while the message comes in', async () => {
  const parts = '--b\r\n\r\nx\r\n'.repeat(3);
  const message = `${SOUND}Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts}--b--\r\n`;
  await using plugin = await mount(checkHeaders({ maxParts: 2 }));
  assert.equal((await plugin.ask('on-data', { message })).kind, 'reject');
  await using lenient = await mount(checkHeaders({ maxParts: 3 }));
  assert.equal((await lenient.ask('on-data', { message })).kind, 'continue');
});

test('the dialogue', async () => {
  await using house = await openHouse({ plugins: [checkHeaders({ maxDepth: 1 }), acceptAll()] });
  const start = [
    'C: MAIL FROM:<ann@client.example>',
    'S: 250 *',
    'C: RCPT TO:<bob@house.example>',
    'S: 250 *',
    'C: DATA',
    'S: 354 *',
  ];
  const sound = SOUND.trimEnd()
    .split('\r\n')
    .map((line) => `C: ${line}`);
  await house.talk(
    [
      'S: 220 *',
      'C: HELO client.example',
      'S: 250 *',
      ...start,
      ...sound,
      'C: From: somebody@else.example',
      'C:',
      'C: .',
      'S: 554 5.6.0 More than one field From (RFC 5322 section 3.6)',
      ...start,
      ...sound,
      'C: Content-Type: multipart/mixed; boundary=a',
      'C:',
      'C: --a',
      'C: Content-Type: multipart/mixed; boundary=b',
      'C:',
      'C: --b',
      'C: .',
      'S: 554 5.6.0 Parts lie more than 1 deep inside each other',
      ...start,
      ...sound,
      'C:',
      'C: .',
      'S: 250 *',
    ].join('\n'),
  );
});

const acceptAll = definePlugin({
  name: 'accept-all',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});
