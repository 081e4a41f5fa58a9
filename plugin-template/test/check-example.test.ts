import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Verdict } from '@posthouse/core';
import { fakeClock, mount } from '@posthouse/core/testing';
import plugin from '../src/index.ts';

const refusal = Verdict.reject('5.7.1', 'Mail from spam.example is not taken here', {
  reason: 'example.refused',
});

for (const { what, sender, verdict } of [
  { what: 'a sender of a refused domain is refused', sender: 'a@Spam.example', verdict: refusal },
  { what: 'any other sender passes', sender: 'a@b.example', verdict: Verdict.continue() },
  { what: 'the null sender of bounces passes', sender: null, verdict: Verdict.continue() },
]) {
  test(what, async () => {
    await using mounted = await mount(plugin({ refused: ['SPAM.example'] }));
    assert.deepEqual(await mounted.ask('on-mail-from', { sender }), verdict);
  });
}

test('the count is logged from start to stop', async () => {
  const clock = fakeClock();
  const mounted = await mount(plugin({ refused: [], reportEvery: 60_000 }), { clock });
  await clock.advance(120_000);
  await mounted.stop();
  await clock.advance(120_000);
  assert.deepEqual(
    mounted.log.lines.map(({ text, fields }) => [text, fields.queued]),
    [
      ['messages queued so far', 0],
      ['messages queued so far', 0],
    ],
  );
});
