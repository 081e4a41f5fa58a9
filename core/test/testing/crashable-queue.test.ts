// Crash injection: what a house that ends at a commit leaves behind for the next one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin, Outcome, Verdict } from '../../src/contract/index.ts';
import { crashableQueue } from '../../src/testing/crashable-queue.ts';
import { deliverMemory } from '../../src/testing/deliver-memory.ts';
import { fakeClock } from '../../src/testing/fake-clock.ts';
import { openHouse } from '../../src/testing/house.ts';

const everybody = definePlugin({
  name: 'accept-everybody',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});
const SENDS = `
  S: 220 *
  C: EHLO client.example
  S: 250-*
  S: 250 *
  C: MAIL FROM:<ann@client.example>
  C: RCPT TO:<bob@house.example>
  C: DATA
  S: 250 *
  S: 250 *
  S: 354 *
  C: Subject: Hello
  C:
  C: Hello
  C: .
`;

for (const [moment, left] of [
  ['before', 0],
  ['after', 1],
] as const) {
  test(`a house that crashes ${moment} the commit of a message leaves ${left}, and its client has no answer`, async () => {
    const queue = crashableQueue();
    const clock = fakeClock();
    const transport = deliverMemory();
    const options = { queue, clock, plugins: [everybody(), transport] };
    {
      await using house = await openHouse(options);
      queue.crash(moment, ({ put }) => put !== undefined);
      await house.talk(`${SENDS}\n  S: EOF`);
      assert.ok(queue.crashed);
      await clock.advance(1000);
      assert.equal(transport.messages.length, 0);
    }
    assert.equal((await queue.entries()).length, left);
    await using _ = await openHouse(options);
    assert.equal(queue.crashed, false);
    await clock.advance(60_000);
    assert.deepEqual(
      transport.messages.map(({ recipients }) => recipients),
      Array.from({ length: left }, () => ['bob@house.example']),
    );
    assert.deepEqual(await queue.entries(), []);
  });
}

test('a delivery whose outcome was not kept is made again', async () => {
  const queue = crashableQueue();
  const clock = fakeClock();
  let attempts = 0;
  const transport = deliverMemory({
    answer: () => {
      attempts += 1;
      return Outcome.delivered();
    },
  });
  const options = { queue, clock, plugins: [everybody(), transport] };
  {
    await using house = await openHouse(options);
    queue.crash('before', ({ remove }) => remove !== undefined);
    await house.talk(`${SENDS}\n  S: 250 *`);
    await clock.advance(1000);
    assert.ok(queue.crashed);
    assert.equal(attempts, 1);
  }
  {
    await using _ = await openHouse(options);
    await clock.advance(60_000);
    assert.equal(attempts, 2);
  }
  await using _ = await openHouse(options);
  await clock.advance(60_000);
  assert.equal(attempts, 2);
});
