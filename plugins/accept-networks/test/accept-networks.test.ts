import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Verdict } from '@posthouse/core';
import { mount } from '@posthouse/core/testing';
import acceptNetworks from '../src/index.ts';

const networks = ['127.0.0.0/8', '::1/128'];

test('a client of a trusted network may send to anywhere', async () => {
  await using plugin = await mount(acceptNetworks({ networks }));
  assert.deepEqual(
    await plugin.ask('on-rcpt', {
      session: { remoteAddress: '::ffff:127.0.0.1' },
      recipient: 'who@elsewhere.example',
    }),
    Verdict.accept({ reason: 'networks.trusted' }),
  );
});

test('of a stranger nothing is said', async () => {
  await using plugin = await mount(acceptNetworks({ networks }));
  assert.deepEqual(
    await plugin.ask('on-rcpt', {
      session: { remoteAddress: '192.0.2.1' },
      recipient: 'who@elsewhere.example',
    }),
    Verdict.continue(),
  );
});
