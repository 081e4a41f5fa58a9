// counter-redis with a real redis-server: servers count together, and a Redis that stands still or is gone holds up no mail.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import checkLimits from '@posthouse/check-limits';
import type { Counters } from '@posthouse/core';
import { mount } from '@posthouse/core/testing';
import counterRedis from '@posthouse/counter-redis';
import { Daemon } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';
import { lacks, missingProgram } from '../support/requirements.ts';
import { TemporaryFolder } from '../support/server-process.ts';

const folder = new TemporaryFolder('interop-redis');
const missing = missingProgram('redis-server', '--version');
let redis: Daemon | undefined;
let port = 0;

const start = (): Promise<Daemon> =>
  Daemon.start(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder.path],
    { port },
  );

before(async () => {
  if (missing !== undefined) return;
  port = await freePort();
  redis = await start();
});

after(async () => {
  await redis?.stop();
  folder.remove();
});

const REQUEST = { amount: 1, most: 3, window: 60_000 };
const open = async () => {
  const plugin = await mount(counterRedis({ url: `redis://127.0.0.1:${port}` }), { clock: systemClock });
  const counters = plugin.services.counters as Counters;
  await until(async () => {
    await counters.take([]);
    await counters.add([{ key: 'hello', amount: 1, window: 1000 }]);
  });
  return { plugin, counters };
};

/** The plugin's deadlines run by real time here, as Redis does. */
const systemClock = {
  now: Date.now,
  after: (milliseconds: number, then: () => void) => {
    const timer = setTimeout(then, milliseconds);
    return { stop: () => clearTimeout(timer), restart: () => timer.refresh() };
  },
};

async function until(works: () => Promise<unknown>): Promise<void> {
  for (const end = Date.now() + 10_000; ; await delay(20)) {
    try {
      await works();
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

test('two servers count together, all or nothing', async (t) => {
  if (lacks(t, missing)) return;
  const [one, other] = [await open(), await open()];
  const request = { ...REQUEST, key: 'together' };
  assert.equal(await one.counters.take([request]), undefined);
  assert.equal(await other.counters.take([request]), undefined);
  const full = { ...REQUEST, key: 'full', amount: 3 };
  assert.equal(await one.counters.take([full]), undefined);
  assert.equal((await one.counters.take([request, full]))?.request, full);
  assert.equal(await one.counters.take([request]), undefined);
  const overrun = await other.counters.take([request]);
  assert.equal(overrun?.request, request);
  assert.ok(overrun.wait !== undefined && overrun.wait > 0 && overrun.wait <= 120_000, String(overrun.wait));
  await one.plugin.stop();
  await other.plugin.stop();
});

test('a count slides out of its window', async (t) => {
  if (lacks(t, missing)) return;
  const { plugin, counters } = await open();
  const request = { key: 'short', amount: 3, most: 3, window: 100 };
  assert.equal(await counters.take([request]), undefined);
  const overrun = await counters.take([request]);
  await delay((overrun?.wait ?? 0) + 5);
  assert.equal(await counters.take([request]), undefined);
  await plugin.stop();
});

test('limits hold over Redis, and a Redis that is gone makes none; when it is back they hold again', async (t) => {
  if (lacks(t, missing)) return;
  const { plugin, counters } = await open();
  const limits = [{ count: 'messages' as const, by: 'address' as const, most: 1, per: 60_000 }];
  await using checked = await mount(checkLimits({ limits }), { counters });
  assert.equal((await checked.ask('on-mail-from')).kind, 'continue');
  assert.equal((await checked.ask('on-mail-from')).kind, 'defer');
  await redis?.stop();
  assert.equal((await checked.ask('on-mail-from')).kind, 'continue');
  redis = await start();
  await until(async () => counters.add([{ key: 'hello', amount: 1, window: 1000 }]));
  assert.equal((await checked.ask('on-mail-from')).kind, 'continue');
  assert.equal((await checked.ask('on-mail-from')).kind, 'defer');
  await plugin.stop();
});

test('a Redis that stands still is waited for no longer than configured', async (t) => {
  if (lacks(t, missing)) return;
  const { plugin, counters } = await open();
  redis?.pause();
  const started = Date.now();
  await assert.rejects(async () => counters.take([{ ...REQUEST, key: 'still' }]), /no answer within 500 ms/);
  assert.ok(Date.now() - started < 2_000);
  redis?.resume();
  await plugin.stop();
});
