import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Verdict } from '@posthouse/core';
import { fakeClock, mount } from '@posthouse/core/testing';
import checkExample from '../src/index.ts';

const table: readonly (readonly [what: string, sender: string | null, verdict: Verdict])[] = [
  [
    'a sender of a refused domain is refused',
    'a@Spam.example',
    Verdict.reject('5.7.1', 'Mail from spam.example is not taken here', { reason: 'example.refused' }),
  ],
  ['any other sender passes', 'a@b.example', Verdict.continue()],
  ['the null sender of bounces passes', null, Verdict.continue()],
];

for (const [what, sender, verdict] of table) {
  test(what, async () => {
    await using plugin = await mount(checkExample({ refused: ['SPAM.example'] }));
    assert.deepEqual(await plugin.ask('on-mail-from', { sender }), verdict);
  });
}

test('the count is logged from start to stop', async () => {
  const clock = fakeClock();
  const plugin = await mount(checkExample({ refused: [], reportEvery: 60_000 }), { clock });
  await clock.advance(120_000);
  await plugin.stop();
  await clock.advance(120_000);
  assert.deepEqual(
    plugin.log.lines.map(({ text, fields }) => [text, fields.queued]),
    [
      ['messages queued so far', 0],
      ['messages queued so far', 0],
    ],
  );
});
