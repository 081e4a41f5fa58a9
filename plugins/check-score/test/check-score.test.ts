import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addReason, definePlugin, LET_THROUGH, Verdict } from '@posthouse/core';
import { mount, NoteBook, openHouse } from '@posthouse/core/testing';
import checkScore from '../src/index.ts';

const notesWith = (...weights: readonly number[]): NoteBook => {
  const notes = new NoteBook();
  for (const [index, weight] of weights.entries()) addReason(notes, `x.${index}`, weight);
  return notes;
};
const refused = Verdict.reject('5.7.1', 'Too much speaks against this message', { reason: 'score.reject' });

const table: readonly (readonly [weights: readonly number[], kind: string, fields: readonly string[]])[] = [
  [[], 'continue', []],
  [[2, 1], 'continue', ['X-Spam-Score: 3 (x.0=2, x.1=1)']],
  [[2, 4], 'continue', ['X-Spam-Score: 6 (x.1=4, x.0=2)', 'X-Spam: Yes']],
  [[9, -4.5, 0.1], 'continue', ['X-Spam-Score: 4.6 (x.0=9, x.1=-4.5, x.2=0.1)']],
  [[7], 'quarantine', []],
  [[6, 4], 'reject', []],
];
for (const [weights, kind, fields] of table) {
  test(`weights of ${weights.join(' and ') || 'nothing'}: ${kind}`, async () => {
    await using plugin = await mount(checkScore({ quarantine: 7 }));
    assert.equal((await plugin.ask('on-data', { notes: notesWith(...weights) })).kind, kind);
    assert.deepEqual(
      plugin.edits.flatMap((edit) => (edit.kind === 'prepend' ? [`${edit.name}: ${edit.value}`] : [])),
      fields,
    );
  });
}

test('what suffices before the message need not wait for it', async () => {
  await using plugin = await mount(checkScore());
  assert.deepEqual(await plugin.ask('on-rcpt', { notes: notesWith(10) }), refused);
  assert.deepEqual(await plugin.ask('on-rcpt', { notes: notesWith(9) }), Verdict.continue());
});

test('users, and whom the administrator lets through, are not judged', async () => {
  await using plugin = await mount(checkScore());
  const known = notesWith(20);
  known.set(LET_THROUGH, 'a list');
  assert.deepEqual(await plugin.ask('on-data', { notes: known }), Verdict.continue());
  assert.deepEqual(
    await plugin.ask('on-data', { notes: notesWith(20), session: { user: 'ann' } }),
    Verdict.continue(),
  );
});

test('fields that came along are removed', async () => {
  await using plugin = await mount(checkScore());
  await plugin.ask('on-data', { message: 'X-Spam: No\r\nX-Spam-Score: -5\r\nSubject: x\r\n\r\n' });
  assert.deepEqual(
    plugin.edits.map((edit) => `${edit.kind} ${'name' in edit ? edit.name : ''}`),
    ['remove X-Spam', 'remove X-Spam-Score'],
  );
});

const acceptAll = definePlugin({
  name: 'accept-all',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});
const suspects = definePlugin({
  name: 'check-suspects',
  setup: () => ({
    hooks: {
      'on-connect': ({ notes }) => void addReason(notes, 'suspect.client', 4),
      'on-mail-from': ({ notes, sender }) => {
        if (sender?.local === 'spam') addReason(notes, 'suspect.sender', 7);
      },
    },
  }),
});

test('the dialogue: what was said of the connection counts for each of its messages', async () => {
  await using house = await openHouse({ plugins: [acceptAll(), suspects(), checkScore()] });
  await house.talk(`
    S: 220 *
    C: HELO client.example
    S: 250 *
    C: MAIL FROM:<spam@client.example>
    S: 250 *
    C: RCPT TO:<bob@house.example>
    S: 550 5.7.1 Too much speaks against this message
    C: RSET
    S: 250 *
    C: MAIL FROM:<ann@client.example>
    S: 250 *
    C: RCPT TO:<bob@house.example>
    S: 250 *
    C: QUIT
    S: 221 *
  `);
});
