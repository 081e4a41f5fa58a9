import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { addReason, definePlugin, LET_THROUGH, Verdict } from '@posthouse/core';
import { fakeClock, mount, NoteBook, openHouse } from '@posthouse/core/testing';
import checkGreylist from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'check-greylist-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let databases = 0;
const newPath = () => join(folder, `greylist-${databases++}.db`);

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const deferred = (kind: 'new' | 'early', seconds: number) =>
  Verdict.defer('4.7.1', `Greylisted, please try again in ${seconds} seconds`, {
    code: 450,
    reason: `greylist.${kind}`,
  });

test('an unknown client waits, comes back and is known from then on', async () => {
  const clock = fakeClock();
  await using plugin = await mount(checkGreylist({ path: newPath() }), { clock });
  assert.deepEqual(await plugin.ask('on-rcpt'), deferred('new', 300));
  await clock.advance(MINUTE);
  assert.deepEqual(await plugin.ask('on-rcpt'), deferred('early', 240));
  await clock.advance(4 * MINUTE);
  assert.deepEqual(await plugin.ask('on-rcpt'), Verdict.continue());
  await clock.advance(20 * DAY);
  assert.deepEqual(await plugin.ask('on-rcpt'), Verdict.continue());
});

test('it may come back from another address of its network, but not as another sender', async () => {
  const clock = fakeClock();
  await using plugin = await mount(checkGreylist({ path: newPath() }), { clock });
  await plugin.ask('on-rcpt');
  await clock.advance(5 * MINUTE);
  const near = { session: { remoteAddress: '192.0.2.77' } };
  assert.deepEqual(await plugin.ask('on-rcpt', { ...near, sender: 'x@b.example' }), deferred('new', 300));
  assert.deepEqual(await plugin.ask('on-rcpt', near), Verdict.continue());
});

test('what is remembered survives a restart', async () => {
  const clock = fakeClock();
  const config = checkGreylist({ path: newPath() });
  const before = await mount(config, { clock });
  await before.ask('on-rcpt');
  await before.stop();
  await clock.advance(5 * MINUTE);
  await using later = await mount(config, { clock });
  assert.deepEqual(await later.ask('on-rcpt'), Verdict.continue());
});

test('who does not come back in time, or has not been heard of for long, is new again', async () => {
  const clock = fakeClock();
  await using plugin = await mount(checkGreylist({ path: newPath(), allowAfter: 0 }), { clock });
  await plugin.ask('on-rcpt');
  await clock.advance(2 * DAY + 1);
  assert.equal((await plugin.ask('on-rcpt')).kind, 'defer');
  await clock.advance(5 * MINUTE);
  assert.equal((await plugin.ask('on-rcpt')).kind, 'continue');
  await clock.advance(35 * DAY + 1);
  assert.equal((await plugin.ask('on-rcpt')).kind, 'defer');
});

test('a network that has come back often enough needs not wait any more', async () => {
  const clock = fakeClock();
  const notes = new NoteBook();
  await using plugin = await mount(checkGreylist({ path: newPath(), allowAfter: 3 }), { clock });
  const from = (sender: string) => plugin.ask('on-rcpt', { sender, notes });
  for (const sender of ['a@b.example', 'b@b.example', 'c@b.example']) await from(sender);
  await clock.advance(5 * MINUTE);
  for (const sender of ['a@b.example', 'b@b.example', 'c@b.example'])
    assert.equal((await from(sender)).kind, 'continue');
  assert.equal((await from('new@b.example')).kind, 'continue');
  assert.equal(notes.toJSON()['check-greylist/result'], 'network');
  await clock.advance(36 * DAY);
  assert.equal((await from('new@b.example')).kind, 'defer');
});

test('users, trusted clients and exempt addresses need not wait', async () => {
  await using plugin = await mount(checkGreylist({ path: newPath(), exemptSenders: ['b.example'] }));
  const passing = [
    { session: { user: 'ann' } },
    { session: { remoteAddress: '::ffff:10.1.2.3' } },
    { sender: 'who@b.example' },
    { recipient: 'postmaster@house.example' },
  ];
  for (const asked of passing) assert.deepEqual(await plugin.ask('on-rcpt', asked), Verdict.continue());
});

test('with a minimum score only suspects wait', async () => {
  await using plugin = await mount(checkGreylist({ path: newPath(), minimumScore: 2 }));
  const notes = new NoteBook();
  assert.deepEqual(await plugin.ask('on-rcpt', { notes }), Verdict.continue());
  addReason(notes, 'client.no-reverse-name', 1);
  addReason(notes, 'dnsbl.bl.example', 1);
  assert.deepEqual(await plugin.ask('on-rcpt', { notes }), deferred('new', 300));
});

test('a flood of new clients does not grow the database: those unused for longest go', async () => {
  const clock = fakeClock();
  const path = newPath();
  await using plugin = await mount(checkGreylist({ path, entries: 100 }), { clock });
  await plugin.ask('on-rcpt', { sender: 'first@b.example' });
  for (let sender = 0; sender < 300; sender += 1) {
    await clock.advance(1);
    await plugin.ask('on-rcpt', {
      sender: `${'x'.repeat(1 + (sender % 40))}-${'y'.repeat(1 + sender / 40)}@b.example`,
    });
  }
  const database = new DatabaseSync(path, { readOnly: true });
  const { count } = database.prepare('SELECT count(*) AS count FROM triplets').get() as { count: number };
  database.close();
  assert.ok(count <= 100, `${count} entries`);
  await clock.advance(5 * MINUTE);
  assert.equal((await plugin.ask('on-rcpt', { sender: 'first@b.example' })).kind, 'defer');
});

test('what is too old is dropped every hour', async () => {
  const clock = fakeClock();
  const path = newPath();
  await using plugin = await mount(checkGreylist({ path }), { clock });
  await plugin.ask('on-rcpt');
  await clock.advance(2 * DAY + 61 * MINUTE);
  const database = new DatabaseSync(path, { readOnly: true });
  const { count } = database.prepare('SELECT count(*) AS count FROM triplets').get() as { count: number };
  database.close();
  assert.equal(count, 0);
});

test('a damaged database is set aside, and a new one begun', async () => {
  const path = newPath();
  writeFileSync(path, 'this is no database, and long enough to be looked at as one'.repeat(100));
  await using plugin = await mount(checkGreylist({ path }));
  assert.equal((await plugin.ask('on-rcpt')).kind, 'defer');
  assert.match(plugin.log.lines[0]?.text ?? '', /was damaged: it is set aside/);
  assert.ok(readdirSync(folder).some((name) => `${join(folder, name)}`.startsWith(`${path}.damaged`)));
});

for (const [unavailable, kind] of [
  ['pass', 'continue'],
  ['defer', 'defer'],
] as const) {
  test(`a database that cannot be used: ${unavailable}, and the operator hears of it once a minute`, async () => {
    const path = newPath();
    await using plugin = await mount(checkGreylist({ path, unavailable }));
    const other = new DatabaseSync(path);
    other.exec('DROP TABLE triplets');
    other.close();
    assert.equal((await plugin.ask('on-rcpt')).kind, kind);
    assert.equal((await plugin.ask('on-rcpt')).kind, kind);
    assert.equal(plugin.log.lines.filter(({ level }) => level === 'error').length, 1);
  });
}

const acceptAll = definePlugin({
  name: 'accept-all',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});

test('the dialogue: 450 at RCPT, and 250 after the wait', async () => {
  await using house = await openHouse({
    plugins: [acceptAll(), checkGreylist({ path: newPath() })],
  });
  await house.talk(`
    S: 220 *
    C: HELO client.example
    S: 250 *
    C: MAIL FROM:<ann@client.example>
    S: 250 *
    C: RCPT TO:<bob@house.example>
    S: 450 4.7.1 Greylisted, please try again in 300 seconds
    C: QUIT
    S: 221 *
  `);
  await house.clock.advance(5 * MINUTE);
  await house.talk(`
    S: 220 *
    C: HELO client.example
    S: 250 *
    C: MAIL FROM:<ann@client.example>
    S: 250 *
    C: RCPT TO:<bob@house.example>
    S: 250 2.1.5 *
    C: QUIT
    S: 221 *
  `);
});

test('whom the administrator lets through is left alone', async () => {
  const notes = new NoteBook();
  await using plugin = await mount(checkGreylist({ path: newPath() }));
  assert.notDeepEqual(await plugin.ask('on-rcpt', { notes }), Verdict.continue());
  notes.set(LET_THROUGH, 'a list');
  assert.deepEqual(await plugin.ask('on-rcpt', { notes }), Verdict.continue());
});
