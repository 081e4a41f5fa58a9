import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { definePlugin, LET_THROUGH, Verdict } from '@posthouse/core';
import { fakeClock, mount, NoteBook, openHouse } from '@posthouse/core/testing';
import checkAccess from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'check-access-'));
after(() => rmSync(folder, { recursive: true, force: true }));
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('a client on the list is refused, one that is allowed before is let through', async () => {
  await using plugin = await mount(
    checkAccess({
      rules: [
        { of: 'client', entries: ['192.0.2.7'], action: 'OK' },
        { of: 'client', entries: ['192.0.2.0/24'] },
      ],
    }),
  );
  assert.deepEqual(
    await plugin.ask('on-connect'),
    Verdict.reject('5.7.1', 'Your address is not welcome here', { reason: 'access.client' }),
  );
  const notes = new NoteBook();
  assert.deepEqual(
    await plugin.ask('on-connect', { notes, session: { remoteAddress: '192.0.2.7' } }),
    Verdict.continue(),
  );
  assert.equal(notes.get(LET_THROUGH), 'rules[0]');
});

test('clients of a country are refused', async () => {
  const database = file('countries.csv', '192.0.2.0/24,XX\n198.51.100.0/24,DE\n');
  await using plugin = await mount(checkAccess({ rules: [{ of: 'country', database, entries: ['xx'] }] }));
  assert.equal((await plugin.ask('on-connect')).kind, 'reject');
  assert.equal(
    (await plugin.ask('on-connect', { session: { remoteAddress: '198.51.100.1' } })).kind,
    'continue',
  );
});

test('HELO, sender and recipient are looked up where they are known', async () => {
  await using plugin = await mount(
    checkAccess({
      rules: [
        { of: 'helo', entries: ['bad.example'] },
        { of: 'sender', format: 'access', entries: ['spam@b.example 550 5.7.9 not you', '<> DUNNO'] },
        { of: 'recipient', format: 'access', entries: ['old@house.example 550 5.1.6 has moved'] },
      ],
    }),
  );
  assert.equal((await plugin.ask('on-mail-from', { session: { helo: 'mail.BAD.example' } })).kind, 'reject');
  const user = { helo: 'bad.example', user: 'ann' };
  assert.equal((await plugin.ask('on-mail-from', { session: user })).kind, 'continue');
  assert.deepEqual(
    await plugin.ask('on-mail-from', { sender: 'spam@b.example' }),
    Verdict.reject('5.7.9', 'not you', { reason: 'access.sender', code: 550 }),
  );
  assert.equal((await plugin.ask('on-mail-from', { sender: null })).kind, 'continue');
  assert.deepEqual(
    await plugin.ask('on-rcpt', { recipient: 'old@house.example' }),
    Verdict.reject('5.1.6', 'has moved', { reason: 'access.recipient', code: 550 }),
  );
});

test('a text in a header field is refused, HOLD and DISCARD are done at the end, PREPEND adds a field', async () => {
  await using plugin = await mount(
    checkAccess({
      rules: [
        { of: 'header', header: 'Subject', entries: ['cheap pills'] },
        {
          of: 'sender',
          format: 'access',
          entries: ['hold@b.example HOLD look', 'gone@b.example DISCARD', 'b.example PREPEND X-List: b'],
        },
      ],
    }),
  );
  assert.equal((await plugin.ask('on-data', { message: 'Subject: Cheap\r\n PILLS\r\n\r\n' })).kind, 'reject');
  const notes = new NoteBook();
  await plugin.ask('on-mail-from', { sender: 'x@b.example', notes });
  assert.deepEqual(await plugin.ask('on-data', { notes }), Verdict.continue());
  assert.equal(JSON.stringify(plugin.edits).includes('X-List'), true);
  const held = new NoteBook();
  await plugin.ask('on-mail-from', { sender: 'hold@b.example', notes: held });
  assert.deepEqual(await plugin.ask('on-data', { notes: held }), Verdict.quarantine('look'));
  const gone = new NoteBook();
  await plugin.ask('on-mail-from', { sender: 'gone@b.example', notes: gone });
  assert.deepEqual(await plugin.ask('on-data', { notes: gone }), Verdict.discard('access.sender'));
});

test('a file that changes is read again; a faulty one is told with its line, and what it said before still holds', async () => {
  const path = file('senders', 'a@b.example REJECT\n');
  const clock = fakeClock();
  await using plugin = await mount(checkAccess({ rules: [{ of: 'sender', format: 'access', file: path }] }), {
    clock,
  });
  const kind = async (sender: string) => (await plugin.ask('on-mail-from', { sender })).kind;
  assert.equal(await kind('a@b.example'), 'reject');
  writeFileSync(path, 'a@b.example OK\nother@b.example REJECT\n');
  await looked(clock, plugin.log.lines, 'read again');
  assert.equal(await kind('a@b.example'), 'continue');
  assert.equal(await kind('other@b.example'), 'reject');
  writeFileSync(path, 'a@b.example OK\nother@b.example REJCT\n');
  await looked(clock, plugin.log.lines, 'the file is not used, what it said before still holds');
  assert.match(JSON.stringify(plugin.log.lines.at(-1)), /senders:2 unknown action/);
  assert.equal(await kind('other@b.example'), 'reject');
});

/** Five seconds of the fake clock, and as many turns as the file system takes. */
async function looked(
  clock: ReturnType<typeof fakeClock>,
  lines: readonly { readonly text: string }[],
  text: string,
): Promise<void> {
  await clock.advance(5_000);
  while (lines.at(-1)?.text !== text) await new Promise(setImmediate);
}

const mistakes: readonly (readonly [
  rule: Parameters<typeof checkAccess>[0]['rules'][number],
  message: RegExp,
])[] = [
  [{ of: 'sender' }, /rules\[0\] takes either a file or entries/],
  [{ of: 'header', entries: ['x'] }, /rules\[0\] needs "header"/],
  [{ of: 'country', entries: ['DE'] }, /rules\[0\] needs "database"/],
  [
    { of: 'sender', entries: ['x'], action: 'REJCT' },
    /rules\[0\] action: unknown action "REJCT"; did you mean REJECT/,
  ],
  [{ of: 'sender', format: 'access', entries: ['x'] }, /rules\[0\]\.entries:1 the action is missing/],
];
for (const [rule, message] of mistakes) {
  test(`a mistake in the configuration is named: ${message.source}`, async () => {
    await assert.rejects(mount(checkAccess({ rules: [rule] })), { code: 'config-invalid', message });
  });
}

test('a file with a mistake keeps the server from starting', async () => {
  const path = file('faulty', '192.0.2.0/24 OK\n\n300.0.0.0/8 REJECT\n');
  await assert.rejects(mount(checkAccess({ rules: [{ of: 'client', format: 'cidr', file: path }] })), {
    code: 'config-invalid',
    message: /faulty:3 "300\.0\.0\.0\/8" is not a network/,
  });
});

const acceptAll = definePlugin({
  name: 'accept-all',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});

test('the dialogue', async () => {
  await using house = await openHouse({
    plugins: [
      acceptAll(),
      checkAccess({
        rules: [
          { of: 'client', format: 'cidr', entries: ['203.0.113.0/24 REJECT 5.7.1 We do not talk to you'] },
          {
            of: 'recipient',
            entries: ['boss@house.example'],
            action: '550 5.7.1 Write to info@house.example',
          },
        ],
      }),
    ],
  });
  await house.talk('S: 554 5.7.1 We do not talk to you', { remoteAddress: '203.0.113.9' });
  await house.talk(`
    S: 220 *
    C: HELO client.example
    S: 250 *
    C: MAIL FROM:<ann@client.example>
    S: 250 *
    C: RCPT TO:<boss@house.example>
    S: 550 5.7.1 Write to info@house.example
    C: RCPT TO:<info@house.example>
    S: 250 *
    C: QUIT
    S: 221 *
  `);
});
