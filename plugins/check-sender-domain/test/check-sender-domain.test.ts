import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PosthouseError, Verdict } from '@posthouse/core';
import { fakeResolver, mount } from '@posthouse/core/testing';
import checkSenderDomain from '../src/index.ts';

const resolver = fakeResolver({ 'b.example': ['mx.b.example'] });

const table: readonly (readonly [what: string, sender: string | null, verdict: Verdict])[] = [
  ['a domain that takes mail passes', 'a@b.example', Verdict.continue()],
  [
    'a domain without MX and address is refused',
    'a@nowhere.example',
    Verdict.reject('5.1.8', '<nowhere.example> does not accept mail', { reason: 'sender-domain.no-mx' }),
  ],
  ['the null sender of bounces passes', null, Verdict.continue()],
  ['an address literal needs no DNS', 'a@[192.0.2.1]', Verdict.continue()],
];

for (const [what, sender, verdict] of table) {
  test(what, async () => {
    await using plugin = await mount(checkSenderDomain(), { resolver });
    assert.deepEqual(await plugin.ask('on-mail-from', { sender }), verdict);
  });
}

test('DNS without an answer is thrown on, for the core to answer 451', async () => {
  const mute = { mx: () => Promise.reject(new PosthouseError('dns-unavailable', 'b.example: timed out')) };
  await using plugin = await mount(checkSenderDomain(), { resolver: mute });
  await assert.rejects(plugin.ask('on-mail-from', { sender: 'a@b.example' }), { code: 'dns-unavailable' });
});
